-- The bars of a chart of all series together: plan and fact of each step that has readings, computed from exact buckets
-- of a quarter of an hour. The steps begin at the edges in $1, the last of which ends the period, and are numbered from
-- 1; $2 and $3 are the first and the last edge, and $4 is what upto.sql has returned. A line that ends in "for" and the
-- names of aggregates is there for these alone. There is no "last" of all series together.
select
  width_bucket(bucket, $1::timestamptz[]) as number,
  null as name,
  null::integer as others,
  sum(plan_sum) as plan, -- for sum
  sum(fact_sum) as fact, -- for sum
  sum(plan_sum) / nullif(sum(plan_count), 0)::double precision as plan, -- for avg
  sum(fact_sum) / nullif(sum(fact_count), 0)::double precision as fact, -- for avg
  min(plan_min) as plan, -- for min
  min(fact_min) as fact, -- for min
  max(plan_max) as plan, -- for max
  max(fact_max) as fact, -- for max
  sum(readings)::bigint as readings,
  sum(plan_count)::bigint as plan_count, -- for avg
  sum(fact_count)::bigint as fact_count, -- for avg
  null::bigint as plan_count, -- for sum, min, max
  null::bigint as fact_count, -- for sum, min, max
  max(bucket) filter (where fact_count > 0) as newest
from (
  :exact(total, $2::timestamptz, $3::timestamptz, $4) of readings, fact_count, plan_sum, fact_sum -- for sum
  :exact(total, $2::timestamptz, $3::timestamptz, $4) of readings, fact_count, plan_sum, plan_count, fact_sum -- for avg
  :exact(total, $2::timestamptz, $3::timestamptz, $4) of readings, fact_count, plan_min, fact_min -- for min
  :exact(total, $2::timestamptz, $3::timestamptz, $4) of readings, fact_count, plan_max, fact_max -- for max
) exact
group by number
order by number
