-- Plan, fact and readings of a period of whole minutes, and the minute in which fact stayed furthest below plan. Over
-- the chosen series or all of them, from the exact buckets per minute, those of reading_minute.
with
  minute as materialized (
    select
      bucket,
      sum(plan_sum) as plan,
      sum(fact_sum) as fact,
      sum(readings) as readings
    from (
      select bucket, series, readings, plan_sum, fact_sum
      from minute_rollup
      where bucket >= $1::timestamptz
        and bucket < $2::timestamptz
        and not exists (select from late_minute where late_minute.bucket = minute_rollup.bucket)
      union all
      select bucket, series, readings, plan_sum, fact_sum
      from late_minutes($1::timestamptz, $2::timestamptz)
    ) exact
    where $3::text[] is null or series = any($3::text[])
    group by bucket
  )
select
  total.plan,
  total.fact,
  total.readings,
  worst.bucket as worst,
  worst.plan as worst_plan,
  worst.fact as worst_fact
from (
  select
    sum(plan) as plan,
    sum(fact) as fact,
    coalesce(sum(readings), 0)::bigint as readings
  from minute
) total
left join (
  select *
  from minute
  where fact < plan
  order by fact - plan, bucket desc
  limit 1
) worst on true
