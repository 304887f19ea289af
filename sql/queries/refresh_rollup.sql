-- Refresh what has changed of a rollup within a window, in one transaction; by default TimescaleDB 2.29 uses one, and
-- three commits, for ten buckets. It can't run inside a transaction.
call refresh_continuous_aggregate(
  $1::text::regclass,
  refresh_from($1::text, $2::timestamptz),
  $3::timestamptz,
  options => '{"buckets_per_batch": 0}'
)
