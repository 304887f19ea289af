-- Whether this server takes writes, and which it is: the database cluster whose copies share an identifier, and the
-- timeline of its log, in hexadecimal digits, which is a later one from each promotion on. It is null on a standby.
select
  pg_is_in_recovery() as standby,
  current_setting('transaction_read_only')::boolean as read_only,
  (select system_identifier from pg_control_system()) as cluster,
  case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline
