-- Cancel every wait of a COMMIT for a standby, after which it is reported as successful.
select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'
