-- Delete the marks of minutes that were refreshed. A mark that was written again meanwhile stays. The marks are locked
-- in order, as in mark_late.sql, so that two transactions can't deadlock.
delete from late_minute
using (
  select bucket
  from late_minute
  join unnest($1::timestamptz[], $2::bigint[]) as refreshed (bucket, version) using (bucket, version)
  order by bucket
  for update of late_minute
) mine
where late_minute.bucket = mine.bucket
