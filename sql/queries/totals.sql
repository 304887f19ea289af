-- What a period of whole minutes comes to at $4: plan and fact of the minutes that are due, the readings of all of them,
-- and the minute that is due in which fact stayed furthest below plan, of several the newest. Over the series in $3, or
-- all of them. What is due is said in minutes_due, in 040_due.sql.
with
  minute as materialized (
    select *
    from minutes_due($1::timestamptz, $2::timestamptz, $3::text[], $4::timestamptz)
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
