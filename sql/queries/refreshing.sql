-- The refreshes that are under way, each with the time when it began.
select coalesce(array_agg(pid || ' ' || query_start), '{}') as refreshes
from pg_stat_activity
where datname = current_database()
  and state = 'active'
  and pid <> pg_backend_pid()
  and query like '%call refresh_continuous_aggregate%'
