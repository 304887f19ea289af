-- The watermark of each rollup: the time up to which it is materialised, or the year 2 if it isn't at all yet.
create or replace view watermark as
select
  user_view_name as rollup,
  greatest(
    _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(mat_hypertable_id)),
    timestamptz '0002-01-01 00:00:00+00'
  ) as at
from _timescaledb_catalog.continuous_agg
where user_view_schema = current_schema();

-- What is materialised of each rollup, and nothing else: reading the rollup itself would also aggregate what isn't.
do $$
declare
  rollup record;
begin
  for rollup in
    select
      materialised,
      materialization_hypertable_schema as schema,
      materialization_hypertable_name as name
    from (
      values
        ('minute_rollup', 'minute_materialised'),
        ('quarter_rollup', 'quarter_materialised'),
        ('quarter_total', 'total_materialised'),
        ('hour_rollup', 'hour_materialised'),
        ('day_rollup', 'day_materialised')
    ) given (view_name, materialised)
    join timescaledb_information.continuous_aggregates using (view_name)
    where view_schema = current_schema()
  loop
    execute format('create or replace view %I as select * from %I.%I', rollup.materialised, rollup.schema, rollup.name);
  end loop;
end
$$;
