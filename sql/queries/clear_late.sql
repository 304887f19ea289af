-- Take away the marks whose minutes were refreshed; a mark that was written anew meanwhile stays. They are locked in
-- order, as mark_late.sql does: two that lock crosswise would wait for each other.
delete from late_minute
using (
  select bucket
  from late_minute
  join unnest($1::timestamptz[], $2::bigint[]) as refreshed (bucket, version) using (bucket, version)
  order by bucket
  for update of late_minute
) mine
where late_minute.bucket = mine.bucket
