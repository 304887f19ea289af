-- Up to where buckets of each size can be read from their rollup: days, hours, quarters of an hour, quarters of all
-- series together, and minutes. What comes after that is read from the smaller ones, and in the end from the readings.
-- The last one is up to where slices can be used: none of them, unless sql/queries/sliced.sql says otherwise.
--
-- What isn't over yet never counts as materialised: plans lie ahead, so that somebody's own refresh may reach there, and
-- buckets could no longer be cut at the running minute.
select array[
  least(day, time_bucket(interval '1 day', minute)),
  least(hour, time_bucket(interval '1 hour', minute)),
  least(quarter, time_bucket(interval '15 minutes', minute)),
  least(total, time_bucket(interval '15 minutes', minute)),
  minute,
  minute
] as upto
from (
  select
    max(at) filter (where rollup = 'day_rollup') as day,
    max(at) filter (where rollup = 'hour_rollup') as hour,
    max(at) filter (where rollup = 'quarter_rollup') as quarter,
    max(at) filter (where rollup = 'quarter_total') as total,
    least(max(at) filter (where rollup = 'minute_rollup'), time_bucket(interval '1 minute', now())) as minute
  from watermark
) watermarks
