-- The exact buckets of a period: whole days, but smaller buckets on the days (UTC) in $6, within which a step begins.
select *
from (
  :exact(day, $2::timestamptz, $3::timestamptz)
) exact
where not bucket = any($6::timestamptz[])
union all
:exact_on_days(:size, $2::timestamptz, $3::timestamptz)
