-- Buckets straight from the readings. The bounds are on "ts" itself, and only the aggregates that are asked for are
-- computed, since only then does TimescaleDB aggregate whole vectors of its columnstore. They are always kept apart by
-- their series: grouped by time alone, the planner takes readings in the order of their time, one by one, which takes
-- thirty times as long. A minute that begins with slices goes on after them.
select greatest(bucket, :first) as bucket, :columns
from (
  select :aggregates
  from reading
  where ts >= :first
    and ts < :until
  group by 1, series
) fresh
