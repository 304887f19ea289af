-- Quarters of an hour, per series and over all of them, as plain views: see the other edition's, and 004.

create view quarter_rollup as
select
  time_bucket(interval '15 minutes', ts) as bucket,
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

create view quarter_total as
select
  time_bucket(interval '15 minutes', ts) as bucket,
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
group by 1;
