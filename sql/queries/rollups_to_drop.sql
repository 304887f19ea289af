-- The rollups with the times before which they aren't kept, which were announced $1 ago or earlier.
select rollup, since
from kept
cross join lateral (
  values
    ('minute_rollup', minutes),
    ('quarter_rollup', quarters),
    ('quarter_total', quarters),
    ('hour_rollup', hours),
    ('day_rollup', days)
) each (rollup, since)
where since is not null
  and announced <= now() - $1::interval
