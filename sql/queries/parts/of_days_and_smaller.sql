-- The exact buckets of a period in days, but on the days (UTC) in $7, within which a step begins, in smaller ones.
select *
from (
  :exact(day, $2::timestamptz, $3::timestamptz)
) exact
where not bucket = any($7::timestamptz[])
union all
:exact_on_days(:size, $2::timestamptz, $3::timestamptz)
