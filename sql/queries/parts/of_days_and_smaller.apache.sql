-- The exact buckets of a period: whole days, but smaller buckets on the days (UTC) in $7, within which a step begins.
select *
from (
  :exact(day, $2::timestamptz, $3::timestamptz, $6) of :columns
) exact
where not bucket = any($7::timestamptz[])
union all
select bucket, :columns
from buckets_of_days(':rollup', $7::timestamptz[])
where bucket >= $2::timestamptz
  and bucket < $3::timestamptz
