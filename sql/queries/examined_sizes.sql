-- What the tables of this schema take on the disk, the largest first: hypertables with their chunks, how many of these are in
-- the columnstore, and from when on they have something; rollups by their own names.
with
  hypertable as (
    select
      coalesce(view_name, hypertables.hypertable_name)::text as name,
      hypertables.hypertable_schema as schema,
      hypertables.hypertable_name as relation
    from timescaledb_information.hypertables
    left join timescaledb_information.continuous_aggregates
      on materialization_hypertable_schema = hypertables.hypertable_schema
      and materialization_hypertable_name = hypertables.hypertable_name
    where coalesce(view_schema, hypertables.hypertable_schema) = current_schema()
  ),
  chunk as (
    select
      name,
      count(*) as chunks,
      count(*) filter (where is_compressed) as in_columnstore,
      min(range_start) as since
    from hypertable
    join timescaledb_information.chunks on hypertable_schema = schema and hypertable_name = relation
    group by name
  )
select
  name,
  hypertable_size(format('%I.%I', schema, relation)::regclass) as bytes,
  coalesce(chunks, 0) as chunks,
  coalesce(in_columnstore, 0) as in_columnstore,
  since
from hypertable
left join chunk using (name)
union all
select
  relname::text,
  pg_total_relation_size(pg_class.oid),
  null,
  null,
  null
from pg_class
where relnamespace = current_schema()::regnamespace
  and relkind = 'r'
  and not exists (select from hypertable where schema = current_schema() and relation = relname)
order by bytes desc, name
