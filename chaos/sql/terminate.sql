-- End every session of the service in the database $1.
select pg_terminate_backend(pid)
from pg_stat_activity
where datname = $1::text
  and application_name = 'taktline'
