-- The standby servers that receive our log now, by name and address, and by how many seconds and bytes each is behind. A
-- role without pg_monitor sees that there are some, and nothing else of them: then there is no row. A standby that has
-- everything says nothing of seconds once it is idle. Several with one name and address count as one, the slowest.
select
  application_name as name,
  coalesce(host(client_addr), 'local') as address,
  max(extract(epoch from replay_lag))::float8 as seconds,
  max(
    pg_wal_lsn_diff(
      case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end,
      coalesce(replay_lsn, flush_lsn, write_lsn)
    )
  )::float8 as bytes
from pg_stat_replication
where state = 'streaming'
group by application_name, client_addr
order by application_name, address
