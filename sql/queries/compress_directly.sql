-- Let the COPY of this transaction write to the columnstore instead of plain rows, if each of the days in $1 (since
-- 1970, UTC) has a chunk already.
--
-- Where a chunk is missing, TimescaleDB 2.29 can lose readings: two transactions find that it is missing, and one
-- creates it and writes plain rows. The other, which had to wait, takes the chunk for a new one of its own and marks it
-- as fully compressed, so that the plain rows become invisible. An existing chunk is marked correctly.
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
