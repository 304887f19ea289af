-- What decides how well the server keeps what it was given, and its clock: among this, for which standbys a COMMIT waits,
-- and for how long one of the service's sessions has done so.
select
  current_setting('fsync')::boolean as fsync,
  current_setting('full_page_writes')::boolean as full_page_writes,
  current_setting('synchronous_commit') <> 'off' as synchronous_commit,
  case
    when current_setting('synchronous_commit') in ('off', 'local') then ''
    else current_setting('synchronous_standby_names')
  end as awaited,
  coalesce(
    (
      select max(clock_timestamp() - state_change)
      from pg_stat_activity
      where datname = current_database()
        and usename = current_user
        and application_name = current_setting('application_name')
        and wait_event = 'SyncRep'
    ),
    interval '0'
  ) as unconfirmed,
  current_setting('autovacuum')::boolean as autovacuum,
  current_setting('max_locks_per_transaction')::bigint * current_setting('max_connections')::bigint as locks,
  pg_is_in_recovery() as is_replica,
  clock_timestamp() as clock
