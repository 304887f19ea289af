-- The rollups: buckets of a minute, an hour and a day (UTC) per series, as continuous aggregates, each made
-- from the one below. Real-time: what is newer than the watermark is aggregated from below when asked for.
-- What is older is as of the last refresh: 005 makes of them the relations that are always exact.
--
-- Readings without a plan or a fact count in readings only. "last" is the value of the newest reading that has one.

create materialized view minute_rollup
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
  time_bucket(interval '1 minute', ts) as bucket,
  series,
  count(*) as readings,
  sum(plan) as plan_sum,
  count(plan) as plan_count,
  min(plan) as plan_min,
  max(plan) as plan_max,
  last(plan, ts) filter (where plan is not null) as plan_last,
  sum(fact) as fact_sum,
  count(fact) as fact_count,
  min(fact) as fact_min,
  max(fact) as fact_max,
  last(fact, ts) filter (where fact is not null) as fact_last
from reading
group by 1, 2
with no data;

create materialized view hour_rollup
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
  time_bucket(interval '1 hour', bucket) as bucket,
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

create materialized view day_rollup
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
  time_bucket(interval '1 day', bucket) as bucket,
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
from hour_rollup
group by 1, 2
with no data;

-- A refresh touches only what changed, so a long window costs nothing while nothing changes in it. The windows
-- end well before the present: a reading is late, and marked as such in 005, from a minute on.
select add_continuous_aggregate_policy('minute_rollup',
  start_offset => interval '30 days', end_offset => interval '2 minutes', schedule_interval => interval '1 minute');
select add_continuous_aggregate_policy('hour_rollup',
  start_offset => interval '30 days', end_offset => interval '2 hours', schedule_interval => interval '10 minutes');
select add_continuous_aggregate_policy('day_rollup',
  start_offset => interval '30 days', end_offset => interval '2 days', schedule_interval => interval '1 hour');
