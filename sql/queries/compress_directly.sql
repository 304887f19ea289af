-- Let the COPY of this transaction write to the columnstore instead of to plain rows, if each of the days (since 1970,
-- UTC) in $1 has its chunk already.
--
-- Where there is none yet, TimescaleDB 2.29 loses readings: two transactions find that the chunk is missing, one makes it
-- and writes plain rows, and the other, which had to wait for that, takes the chunk for its own and new, and marks it
-- as wholly compressed. Nobody sees the plain rows any more. Once the chunk is there, it is marked as it should be.
select set_config(
  'timescaledb.enable_direct_compress_copy',
  case
    when exists (
      select
      from unnest($1::bigint[]) as given (day)
      where not exists (
        select
        from timescaledb_information.chunks
        where hypertable_schema = current_schema()
          and hypertable_name = 'reading'
          and range_start <= to_timestamp(86400 * day)
          and range_end >= to_timestamp(86400 * (day + 1))
      )
    ) then 'off'
    else 'on'
  end,
  true
) as direct
