-- The exact buckets of a period: whole days, but smaller buckets on the days (UTC) in $7, within which a step begins, and
-- where days aren't materialised yet.
select *
from (
  :materialised(day, $2::timestamptz, least($3::timestamptz, ($6::timestamptz[])[1])) of :columns
) exact
where not bucket = any($7::timestamptz[])
union all
:materialised_on_days(:size, $2::timestamptz, least($3::timestamptz, ($6::timestamptz[])[1])) of :columns
union all
:exact(:size, greatest($2::timestamptz, ($6::timestamptz[])[1]), $3::timestamptz, $6) of :columns
