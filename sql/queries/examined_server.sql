-- What decides how well the server keeps what it was given, and its clock.
select
  current_setting('fsync')::boolean as fsync,
  current_setting('full_page_writes')::boolean as full_page_writes,
  current_setting('synchronous_commit') <> 'off' as synchronous_commit,
  current_setting('autovacuum')::boolean as autovacuum,
  current_setting('max_locks_per_transaction')::bigint * current_setting('max_connections')::bigint as locks,
  pg_is_in_recovery() as is_replica,
  clock_timestamp() as clock
