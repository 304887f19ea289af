-- The chunks of readings that end at $1 or before, the oldest first.
select range_start as start, range_end as end
from timescaledb_information.chunks
where hypertable_schema = current_schema()
  and hypertable_name = 'reading'
  and range_end <= $1::timestamptz
order by range_start
