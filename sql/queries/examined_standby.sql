-- What decides how well this standby can be read from: its versions; for how long what it replayed last was committed
-- before now; whether it replays at all; how long it waits before it does; whether it tells the primary what its queries
-- still need; and whether the role is told what it receives. Of a primary, whatever isn't about replaying.
select
  current_setting('server_version') as postgresql,
  (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
  extract(epoch from now() - pg_last_xact_replay_timestamp())::float8 as seconds,
  case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as is_paused,
  current_setting('recovery_min_apply_delay')::interval as delay,
  current_setting('hot_standby_feedback')::boolean as feedback,
  pg_has_role('pg_read_all_stats', 'usage') as sees_all
