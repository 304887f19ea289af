-- The steps of a chart with their running totals, from its bars, which are parts of steps: $1 numbers their panels, $2 has
-- the beginnings of their steps, $3 says whether they are due, $4 to $6 are their plan, fact and readings. The totals
-- begin anew at each time in $7. $8 is up to where minutes are due, so that the step with this time in it has two parts.
--
-- What is due is compared: `ahead` is by how much the facts of minutes that are over exceed their plans, where no fact
-- counts as 0. The total of plans goes on beyond, but there are no facts of what hasn't begun.
with
  step as (
    select
      panel,
      step,
      sum(plan) as plan,
      sum(fact) as fact,
      sum(readings)::bigint as readings,
      sum(plan) filter (where is_due) as due_plan,
      sum(fact) filter (where is_due) as due_fact
    from unnest(
      $1::integer[],
      $2::timestamptz[],
      $3::boolean[],
      $4::double precision[],
      $5::double precision[],
      $6::bigint[]
    ) as part (panel, step, is_due, plan, fact, readings)
    group by panel, step
  )
select
  panel,
  step,
  plan,
  fact,
  readings,
  due_plan,
  case when due_plan is null then due_fact else coalesce(due_fact, 0) end as due_fact,
  coalesce(sum(plan) over so_far, 0) as plan_total,
  case when step < $8::timestamptz then coalesce(sum(fact) over so_far, 0) end as fact_total,
  coalesce(sum(due_plan) over so_far, 0) as due_total,
  case
    when step < $8::timestamptz then coalesce(sum(due_fact) over so_far, 0) - coalesce(sum(due_plan) over so_far, 0)
  end as ahead
from step
window so_far as (partition by panel, width_bucket(step, $7::timestamptz[]) order by step)
order by panel, step
