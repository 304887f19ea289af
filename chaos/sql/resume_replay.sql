-- Let this server replay again what it receives, if it is a standby.
select pg_wal_replay_resume() where pg_is_in_recovery()
