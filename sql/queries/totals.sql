-- The totals at $4 of a period of whole minutes: the sums of plan and fact over the minutes that are due, the number of
-- readings of all minutes, and the due minute in which fact was furthest below plan, the newest of several. They are
-- over the series in $3 or, where that is null, over all series. $5 is what upto.sql has returned.
--
-- A minute is due when it is over. Plan and fact of other minutes don't count, so that both sums are over the same
-- minutes and the running minute is neither behind plan nor ahead of it. A due minute with a plan but no fact counts
-- with a fact of 0; its fact is null only if there is no plan either. Sums that differ by their rounding alone are equal.
--
-- The target is the plan of all minutes. The time of minutes has passed that are due and have a plan or a fact; that of
-- those that aren't due yet and have a plan remains.
with
  counted as (
    select
      time_bucket(interval ':width', bucket) as bucket,
      time_bucket(interval ':width', bucket) + interval ':width' <= $4::timestamptz as is_due,
      sum(readings) as readings,
      sum(plan_sum) as plan,
      sum(fact_sum) as fact
    from (
      :exact(:size, $1::timestamptz, $2::timestamptz, $5) of series, readings, plan_sum, fact_sum
    ) exact
    where $3::text[] is null or series = any($3::text[])
    group by 1
  ),
  minute as materialized (
    select
      bucket,
      is_due,
      readings,
      plan as planned,
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
  total.target,
  total.buckets_passed * interval ':width' as passed,
  total.buckets_left * interval ':width' as remaining,
  worst.bucket as worst,
  worst.plan as worst_plan,
  worst.fact as worst_fact
from (
  select
    sum(plan) as plan,
    sum(fact) as fact,
    coalesce(sum(readings), 0)::bigint as readings,
    sum(planned) as target,
    count(*) filter (where plan is not null or fact is not null) as buckets_passed,
    count(*) filter (where planned is not null and not is_due) as buckets_left
  from minute
) total
left join (
  select *
  from minute
  where plan - fact > 1e-10 * greatest(abs(plan), abs(fact))
  order by fact - plan, bucket desc
  limit 1
) worst on true
