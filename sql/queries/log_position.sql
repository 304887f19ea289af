-- Where this server is in the log of its cluster: a standby, by what it has replayed; the primary, by what it has
-- written to disk, since no commit is acknowledged before that, or by all there is where commits don't wait for the disk.
-- With it comes what has to be the same for two such places to be comparable: the cluster, the database in it, and the
-- timeline, in hexadecimal digits.
--
-- A standby's timeline is that of what it receives, which roles without pg_read_all_stats aren't told; then, and where it
-- receives nothing, it is that of its last restartpoint, which may be an earlier one for a while, but never a later one.
select
  pg_is_in_recovery() as is_standby,
  (select system_identifier from pg_control_system()) as cluster,
  (select oid::bigint from pg_database where datname = current_database()) as database,
  case
    when pg_is_in_recovery() then lpad(
      upper(
        to_hex(
          coalesce(
            (select received_tli from pg_stat_wal_receiver),
            (select timeline_id from pg_control_checkpoint())
          )
        )
      ),
      8,
      '0'
    )
    else left(pg_walfile_name(pg_current_wal_lsn()), 8)
  end as timeline,
  coalesce(
    case
      when pg_is_in_recovery() then pg_last_wal_replay_lsn()
      when current_setting('synchronous_commit') = 'off' then pg_current_wal_insert_lsn()
      else pg_current_wal_flush_lsn()
    end - '0/0'::pg_lsn,
    0
  )::bigint as position
