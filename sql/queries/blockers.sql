-- The sessions that hold a lock for which one of the service's sessions waits, and don't wait themselves, for a lock or
-- for a standby (awaited_standbys.sql). Of the sessions of other users only the number is visible, unless this user may
-- read all statistics. The time is one for all rows, or a session would be there once for each that waits for it.
select distinct
  blocker.pid,
  nullif(blocker.application_name, '') as application,
  blocker.state,
  extract(epoch from statement_timestamp() - blocker.xact_start)::double precision as seconds
from pg_stat_activity waiting
cross join unnest(pg_blocking_pids(waiting.pid)) as blocking (pid)
join pg_stat_activity blocker on blocker.pid = blocking.pid
where waiting.datname = current_database()
  and waiting.usename = current_user
  and waiting.application_name = current_setting('application_name')
  and waiting.wait_event_type = 'Lock'
  and blocker.wait_event_type is distinct from 'Lock'
  and blocker.wait_event is distinct from 'SyncRep'
order by seconds desc nulls last
limit 3
