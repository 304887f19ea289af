-- Rollups of a quarter of an hour: what every zone's hours and days are made of, those of India too, whose clock is half
-- an hour off. Per series, and over all series together, which is what most charts show: a year is 35,040 rows of the
-- latter, however many series there are.

create materialized view quarter_rollup
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
  time_bucket(interval '15 minutes', bucket) as bucket,
  series,
  sum(readings)::bigint as readings,
  sum(plan_sum) as plan_sum,
  sum(plan_count)::bigint as plan_count,
  min(plan_min) as plan_min,
  max(plan_max) as plan_max,
  last(plan_last, bucket) filter (where plan_last is not null) as plan_last,
  sum(fact_sum) as fact_sum,
  sum(fact_count)::bigint as fact_count,
  min(fact_min) as fact_min,
  max(fact_max) as fact_max,
  last(fact_last, bucket) filter (where fact_last is not null) as fact_last
from minute_rollup
group by 1, 2
with no data;

create materialized view quarter_total
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
  time_bucket(interval '15 minutes', bucket) as bucket,
  sum(readings)::bigint as readings,
  sum(plan_sum) as plan_sum,
  sum(plan_count)::bigint as plan_count,
  min(plan_min) as plan_min,
  max(plan_max) as plan_max,
  sum(fact_sum) as fact_sum,
  sum(fact_count)::bigint as fact_count,
  min(fact_min) as fact_min,
  max(fact_max) as fact_max
from quarter_rollup
group by 1
with no data;
