-- What a period of whole minutes comes to at $4: plan and fact of the minutes that are due, the readings of all of them,
-- and the minute that is due in which fact stayed furthest below plan, of several the newest. Over the series in $3, or
-- all of them.
--
-- A minute that is over is due. Plan of minutes that aren't due counts nowhere, and neither does their fact: what is
-- compared is of the same minutes, so that the running one is neither behind plan nor ahead of it. A minute that is due
-- and has a plan but no fact is missed by all of it: its fact is 0, and null only where there is no plan either.
with
  counted as (
    select
      bucket,
      bucket + interval '1 minute' <= $4::timestamptz as is_due,
      sum(readings) as readings,
      sum(plan_sum) as plan,
      sum(fact_sum) as fact
    from (
      :exact(minute, $1::timestamptz, $2::timestamptz)
    ) exact
    where $3::text[] is null or series = any($3::text[])
    group by bucket
  ),
  minute as materialized (
    select
      bucket,
      readings,
      case when is_due then plan end as plan,
      case
        when is_due and plan is not null then coalesce(fact, 0)
        when is_due then fact
      end as fact
    from counted
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
