-- The exact buckets of a period in days, but on the days (UTC) in $7, within which a step begins, in smaller ones.
select *
from day_rollup
where bucket >= $2::timestamptz
  and bucket < $3::timestamptz
  and not bucket = any($7::timestamptz[])
  and not exists (select from late_minute where time_bucket(interval '1 day', late_minute.bucket) = day_rollup.bucket)
union all
select *
from late_days($2::timestamptz, $3::timestamptz)
where not bucket = any($7::timestamptz[])
union all
select *
from :rollup_of_days($7::timestamptz[]) of_days
where bucket >= $2::timestamptz
  and bucket < $3::timestamptz
  and not exists (select from late_minute where :late_bucket = of_days.bucket)
union all
select *
from :late($2::timestamptz, $3::timestamptz)
where time_bucket(interval '1 day', bucket) = any($7::timestamptz[])
