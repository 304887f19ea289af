-- How many chunks the readings of the days in $1 (since 1970, UTC) lie in, for which of these weeks there is none yet (a
-- day of each), and how many chunks a transaction may write to: an eighth of all locks of the server, since a chunk that
-- is in the columnstore takes a few of them.
with
  day as (
    select to_timestamp(86400 * day) as start, day / 7 as week
    from unnest($1::bigint[]) as given (day)
  ),
  chunk as (
    select range_start, range_end
    from timescaledb_information.chunks
    where hypertable_schema = current_schema()
      and hypertable_name = 'reading'
  ),
  missing as (
    select min(start) as start
    from day
    where not exists (select from chunk where range_start <= start and range_end > start)
    group by week
  )
select
  (
    select count(*)
    from chunk
    where exists (select from day where start >= range_start and start < range_end)
  ) + (select count(*) from missing) as chunks,
  array(select start from missing order by start) as missing,
  current_setting('max_locks_per_transaction')::bigint * current_setting('max_connections')::bigint / 8 as most
