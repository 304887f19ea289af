-- Where plan and fact stand at $2, the beginning of the running minute, as running totals since $1; whether the fact is
-- further below the plan than $6, or than that share of the plan if $7; and since when that is so, to the minute, or null
-- where it has been so since $1. The series are those in $3 or, where that is null, all; each by itself if $5, and
-- otherwise together under an empty name. $4 is what upto.sql has returned.
--
-- Between minutes with readings nothing changes, so that these minutes alone say since when.
with
  minute as (
    select
      case when $5::boolean then series else '' end as name,
      time_bucket(interval '1 minute', bucket) as minute,
      sum(plan_sum) as plan,
      sum(fact_sum) as fact
    from (
      :exact(minute, $1::timestamptz, $2::timestamptz, $4) of series, plan_sum, fact_sum
    ) exact
    where $3::text[] is null
      or series = any($3::text[])
    group by 1, 2
  ),
  running as (
    select
      name,
      minute,
      sum(plan) over so_far as plan,
      sum(fact) over so_far as fact
    from minute
    window so_far as (partition by name order by minute)
  ),
  compared as (
    select
      name,
      minute,
      plan,
      fact,
      -- what differs by a rounding error alone is the same, as in service/period/comparison.py
      coalesce(plan, 0) - coalesce(fact, 0) > greatest(
        $6::double precision * case when $7::boolean then abs(coalesce(plan, 0)) else 1 end,
        1e-10 * greatest(abs(plan), abs(fact))
      ) as is_missed
    from running
  ),
  changes as (
    select
      *,
      is_missed <> lag(is_missed, 1, false) over (partition by name order by minute) as is_change
    from compared
  )
select distinct on (name)
  name,
  plan,
  fact,
  is_missed,
  max(minute) filter (where is_change) over (partition by name) + interval '1 minute' as since
from changes
order by name, minute desc
