-- The windows of the rollups that have to be refreshed because of late readings in the minutes from $1 to $2. No window
-- may end closer to the present than those of the policies in 004 and 033; a window whose end isn't after its beginning
-- is empty. No window begins after the watermark, up to which a rollup is materialised: the refresh would move the
-- watermark past readings that aren't materialised yet, and hide them until a policy does that.
--
-- This has to be read before each refresh, since a policy may have moved a watermark. What the policy has materialised
-- by then was computed from smaller buckets that are refreshed already.
select
  least($1::timestamptz, minutes) as minutes_from,
  $2::timestamptz + interval '1 minute' as minutes_until,
  least(time_bucket(interval '15 minutes', $1::timestamptz), quarters) as quarters_from,
  least(
    time_bucket(interval '15 minutes', $2::timestamptz) + interval '15 minutes',
    time_bucket(interval '15 minutes', now() - interval '30 minutes')
  ) as quarters_until,
  least(time_bucket(interval '1 hour', $1::timestamptz), hours) as hours_from,
  least(
    time_bucket(interval '1 hour', $2::timestamptz) + interval '1 hour',
    time_bucket(interval '1 hour', now() - interval '2 hours')
  ) as hours_until,
  least(time_bucket(interval '1 day', $1::timestamptz), days) as days_from,
  least(
    time_bucket(interval '1 day', $2::timestamptz) + interval '1 day',
    time_bucket(interval '1 day', now() - interval '2 days')
  ) as days_until
from (
  select
    min(at) filter (where rollup = 'minute_rollup') as minutes,
    min(at) filter (where rollup in ('quarter_rollup', 'quarter_total')) as quarters,
    min(at) filter (where rollup = 'hour_rollup') as hours,
    min(at) filter (where rollup = 'day_rollup') as days
  from watermark
) watermarks
