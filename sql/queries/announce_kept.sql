-- Keep readings for $1: from the beginning of a week, as chunks begin, and where one lies across that time, from its
-- beginning. What was dropped stays so, whatever the setting says later. Returns from when on readings are kept now, and
-- up to where the rollups have all that those before say.
with
  week as (
    select to_timestamp(floor(extract(epoch from now() - $1::interval) / 604800) * 604800) as start
  ),
  across as (
    select min(range_start) as start
    from timescaledb_information.chunks
    cross join week
    where hypertable_schema = current_schema()
      and hypertable_name = 'reading'
      and range_start < week.start
      and range_end > week.start
  )
update kept
set readings = greatest(kept.readings, coalesce(across.start, week.start))
from week
cross join across
returning kept.readings, kept.refreshed
