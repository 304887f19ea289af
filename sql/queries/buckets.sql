-- The bars of a chart: plan and fact of each step that has readings, computed from exact buckets. The steps begin at
-- the edges in $1, the last of which ends the period, and are numbered from 1; $2 and $3 are the first and the last
-- edge.
--
-- $4 are the series, null for all. $5 is what to compute; "last" is the sum over the series of the last value in the
-- step. $6 is the largest number of panels, null for a single one. Each series has a panel; where there are too many,
-- those with the most readings have one each, and a panel without a name is for the rest.
with part as (
  :part
),
step as (
  select
    width_bucket(bucket, $1::timestamptz[]) as number,
    -- series are kept apart only where they have to be, which halves the work; so does computing only what is asked for
    case when $6::integer is not null or $5::text = 'last' then series end as series,
    max(bucket) filter (where fact_count > 0) as newest,
    sum(readings) as readings,
    sum(plan_sum) filter (where $5::text in ('sum', 'avg')) as plan_sum,
    sum(plan_count) filter (where $5::text = 'avg') as plan_count,
    min(plan_min) filter (where $5::text = 'min') as plan_min,
    max(plan_max) filter (where $5::text = 'max') as plan_max,
    last(plan_last, bucket) filter (where $5::text = 'last' and plan_last is not null) as plan_last,
    sum(fact_sum) filter (where $5::text in ('sum', 'avg')) as fact_sum,
    sum(fact_count) filter (where $5::text = 'avg') as fact_count,
    min(fact_min) filter (where $5::text = 'min') as fact_min,
    max(fact_max) filter (where $5::text = 'max') as fact_max,
    last(fact_last, bucket) filter (where $5::text = 'last' and fact_last is not null) as fact_last
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
  where $6::integer is not null
  group by series
),
panel as (
  select
    series,
    case when series_count <= $6::integer or place < $6::integer then series end as name,
    series_count - $6::integer + 1 as others
  from ranked
)
select
  number,
  name,
  case when name is null then max(others)::integer end as others,
  case $5::text
    when 'sum' then sum(plan_sum)
    when 'avg' then sum(plan_sum) / nullif(sum(plan_count), 0)::double precision
    when 'min' then min(plan_min)
    when 'max' then max(plan_max)
    when 'last' then sum(plan_last)
  end as plan,
  case $5::text
    when 'sum' then sum(fact_sum)
    when 'avg' then sum(fact_sum) / nullif(sum(fact_count), 0)::double precision
    when 'min' then min(fact_min)
    when 'max' then max(fact_max)
    when 'last' then sum(fact_last)
  end as fact,
  sum(readings)::bigint as readings,
  max(newest) as newest
from step
left join panel using (series)
group by name, number
order by name, number
