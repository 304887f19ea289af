-- What synchronous_standby_names says, where a COMMIT of the service's sessions waits for one of these standbys; no row
-- where none does.
select current_setting('synchronous_standby_names') as names
where exists (
  select
  from pg_stat_activity
  where datname = current_database()
    and usename = current_user
    and application_name = current_setting('application_name')
    and wait_event = 'SyncRep'
)
