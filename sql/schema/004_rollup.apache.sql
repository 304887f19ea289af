-- The rollups on the Apache edition, which has no continuous aggregates: the same relations with the same
-- columns, as plain views over time_bucket. Always exact; a long range costs what its readings cost.

create view minute_rollup as
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
group by 1, 2;

create view hour_rollup as
select
  time_bucket(interval '1 hour', ts) as bucket,
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
group by 1, 2;

create view day_rollup as
select
  time_bucket(interval '1 day', ts) as bucket,
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
group by 1, 2;
