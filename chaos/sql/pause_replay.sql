-- Let this standby replay nothing of what it receives, which counts as received nevertheless.
select pg_wal_replay_pause()
