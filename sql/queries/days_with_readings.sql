-- The days (UTC) of a period of whole days on which there are readings of the chosen series or of all.
select bucket
from (
  select bucket, series
  from day_rollup
  where bucket >= $1::timestamptz
    and bucket < $2::timestamptz
    and not exists (select from late_minute where time_bucket(interval '1 day', late_minute.bucket) = day_rollup.bucket)
  union all
  select bucket, series
  from late_days($1::timestamptz, $2::timestamptz)
) exact
where $3::text[] is null or series = any($3::text[])
group by bucket
order by bucket
