-- Keep minutes for $1, quarters for $2, hours for $3 and days for $4, each for ever where that is null: from the end of the
-- newest chunk that is as old. It is never the newest of all, since a rollup without chunks would count as not materialised
-- at all. None is dropped before what it is made of.
with
  chunk as (
    select
      view_name as rollup,
      range_end as ends,
      range_end < max(range_end) over (partition by view_name) as is_old
    from timescaledb_information.continuous_aggregates
    join timescaledb_information.chunks
      on chunks.hypertable_schema = materialization_hypertable_schema
      and chunks.hypertable_name = materialization_hypertable_name
    where view_schema = current_schema()
  ),
  old as (
    select rollup, ends
    from chunk
    where is_old
  ),
  minute as (
    select greatest(kept.minutes, max(ends)) as since
    from kept
    left join old on rollup = 'minute_rollup' and ends <= now() - $1::interval and ends <= refreshed
    group by kept.minutes
  ),
  quarter as (
    select greatest(kept.quarters, max(ends)) as since
    from kept
    cross join minute
    left join old on rollup = 'quarter_rollup' and ends <= now() - $2::interval and ends <= minute.since
    group by kept.quarters
  ),
  hour as (
    select greatest(kept.hours, max(ends)) as since
    from kept
    cross join quarter
    left join old on rollup = 'hour_rollup' and ends <= now() - $3::interval and ends <= quarter.since
    group by kept.hours
  ),
  day as (
    select greatest(kept.days, max(ends)) as since
    from kept
    cross join hour
    left join old on rollup = 'day_rollup' and ends <= now() - $4::interval and ends <= hour.since
    group by kept.days
  )
update kept
set
  minutes = minute.since,
  quarters = quarter.since,
  hours = hour.since,
  days = day.since,
  announced = now()
from minute, quarter, hour, day
where (kept.minutes, kept.quarters, kept.hours, kept.days)
  is distinct from (minute.since, quarter.since, hour.since, day.since)
