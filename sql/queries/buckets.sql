-- The bars of a chart: plan and fact of each step that has readings, computed from exact buckets. The steps begin at
-- the edges in $1, the last of which ends the period, and are numbered from 1; $2 and $3 are the first and the last
-- edge, and $6 is what upto.sql has returned.
--
-- $4 are the series, null for all. $5 is the largest number of panels, null for a single one. Each series has a panel;
-- where there are too many, those with the most readings have one each, and a panel without a name is for the rest.
--
-- A line that ends in "for" and the names of aggregates is there for these alone. "last" is the sum over the series of
-- the last value in the step. "increase" takes facts for counters, and minutes for buckets.
with part as (
  :part of series, readings, fact_count, plan_sum, fact_sum -- for sum
  :part of series, readings, fact_count, plan_sum, plan_count, fact_sum -- for avg
  :part of series, readings, fact_count, plan_min, fact_min -- for min
  :part of series, readings, fact_count, plan_max, fact_max -- for max
  :part of series, readings, fact_count, plan_last, fact_last -- for last
  :of_increases -- for increase
),
step as (
  select
    width_bucket(bucket, $1::timestamptz[]) as number,
    -- series are kept apart only where they have to be, which halves the work
    case when $5::integer is not null then series end as series, -- for sum, avg, min, max, increase
    series, -- for last
    max(bucket) filter (where fact_count > 0) as newest,
    sum(plan_sum) as plan, -- for sum, avg, increase
    sum(fact_sum) as fact, -- for sum, avg, increase
    sum(plan_count) as plan_count, -- for avg
    sum(fact_count) as fact_count, -- for avg
    min(plan_min) as plan, -- for min
    min(fact_min) as fact, -- for min
    max(plan_max) as plan, -- for max
    max(fact_max) as fact, -- for max
    last(plan_last, bucket) filter (where plan_last is not null) as plan, -- for last
    last(fact_last, bucket) filter (where fact_last is not null) as fact, -- for last
    sum(readings) as readings
  from part
  where $4::text[] is null or series = any($4::text[])
  group by 1, 2
),
ranked as (
  select
    series,
    row_number() over (order by sum(readings) desc, series) as place,
    count(*) over () as series_count
  from step
  where $5::integer is not null
  group by series
),
panel as (
  select
    series,
    case when series_count <= $5::integer or place < $5::integer then series end as name,
    series_count - $5::integer + 1 as others
  from ranked
)
select
  number,
  name,
  case when name is null then max(others)::integer end as others,
  sum(plan) as plan, -- for sum, last, increase
  sum(fact) as fact, -- for sum, last, increase
  sum(plan) / nullif(sum(plan_count), 0)::double precision as plan, -- for avg
  sum(fact) / nullif(sum(fact_count), 0)::double precision as fact, -- for avg
  min(plan) as plan, -- for min
  min(fact) as fact, -- for min
  max(plan) as plan, -- for max
  max(fact) as fact, -- for max
  sum(readings)::bigint as readings,
  sum(plan_count)::bigint as plan_count, -- for avg
  sum(fact_count)::bigint as fact_count, -- for avg
  null::bigint as plan_count, -- for sum, min, max, last, increase
  null::bigint as fact_count, -- for sum, min, max, last, increase
  max(newest) as newest
from step
left join panel using (series)
group by name, number
order by name, number
