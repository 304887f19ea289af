-- The newest day (UTC) of a period of whole days in which some series or, where $3 is null, any has a fact.
select max(bucket) as day
from (
  select bucket, series, fact_count
  from day_rollup
  where bucket >= $1::timestamptz
    and bucket < $2::timestamptz
    and not exists (select from late_minute where time_bucket(interval '1 day', late_minute.bucket) = day_rollup.bucket)
  union all
  select bucket, series, fact_count
  from late_days($1::timestamptz, $2::timestamptz)
) exact
where fact_count > 0
  and ($3::text[] is null or series = any($3::text[]))
