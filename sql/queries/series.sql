-- The names of the series that have readings since the day (UTC) $1, at most a few thousand: for choosers.
select series
from (
  select bucket, series
  from day_rollup
  where bucket >= $1::timestamptz
    and not exists (select from late_minute where time_bucket(interval '1 day', late_minute.bucket) = day_rollup.bucket)
  union all
  select bucket, series
  from late_days($1::timestamptz)
) exact
group by series
order by series
limit 3000
