-- Up to when minutes are materialised, how many late minutes wait for a refresh, and the oldest of them.
select
  (select at from watermark where rollup = 'minute_rollup') as watermark,
  count(*) as late,
  min(bucket) as oldest
from late_minute
