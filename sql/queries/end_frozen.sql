-- The sessions of services that have stood still for $3 while they write rows, as a process does that is stopped or whose
-- machine is: they hold the minutes that they have marked and the ids that they are writing, for which others wait.
-- PostgreSQL itself ends none of them: its limits aren't looked at while COPY waits for its client. Those that were found
-- before, as $1 and $2 say, are ended.
select
  pid,
  query_start as since,
  case
    when (pid, query_start) in (select pid, since from unnest($1::integer[], $2::timestamptz[]) as found (pid, since))
    then pg_terminate_backend(pid)
    else false
  end as is_ended
from pg_stat_activity
where datname = current_database()
  and usename = current_user
  and application_name = current_setting('application_name')
  and state = 'active'
  and wait_event = 'ClientRead'
  and query like 'COPY %'
  and query_start < now() - $3::interval
