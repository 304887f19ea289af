-- The buckets in which a rollup differs from the readings. "last" isn't compared, because it may be any of several
-- readings with the same time. chaos/queries.py fills in the rollup and the width of its buckets.
select
  coalesce(kept.bucket, counted.bucket) as bucket,
  coalesce(kept.series, counted.series) as series,
  kept.readings as kept,
  counted.readings as counted
from (
  select bucket, series, readings, plan_sum, plan_count, plan_min, plan_max, fact_sum, fact_count, fact_min, fact_max
  from :rollup
) kept
full join (
  select
    time_bucket(interval ':width', ts) as bucket,
    series,
    count(*) as readings,
    sum(plan) as plan_sum,
    count(plan) as plan_count,
    min(plan) as plan_min,
    max(plan) as plan_max,
    sum(fact) as fact_sum,
    count(fact) as fact_count,
    min(fact) as fact_min,
    max(fact) as fact_max
  from reading
  group by 1, 2
) counted using (bucket, series)
where kept is distinct from counted
order by 1, 2
limit 20
