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

-- Up to where buckets of each size can be read from their rollup: days, hours, quarters of an hour, quarters of all
-- series together, and minutes. What comes after that is read from the smaller ones, and in the end from the readings.
--
-- What isn't over yet never counts as materialised: plans lie ahead, so that somebody's own refresh may reach there, and
-- buckets could no longer be cut at the running minute.
create or replace view materialised_upto as
select
  least(day, time_bucket(interval '1 day', minute)) as day,
  least(hour, time_bucket(interval '1 hour', minute)) as hour,
  least(quarter, time_bucket(interval '15 minutes', minute)) as quarter,
  least(total, time_bucket(interval '15 minutes', minute)) as total,
  minute
from (
  select
    max(at) filter (where rollup = 'day_rollup') as day,
    max(at) filter (where rollup = 'hour_rollup') as hour,
    max(at) filter (where rollup = 'quarter_rollup') as quarter,
    max(at) filter (where rollup = 'quarter_total') as total,
    least(max(at) filter (where rollup = 'minute_rollup'), time_bucket(interval '1 minute', now())) as minute
  from watermark
) watermarks;

-- Up to where what comes after the watermark of minutes can be read from slices: to where there are some, but to the slice
-- that late readings belong to at most. It is the watermark where there are none.
create or replace function sliced_upto(minute timestamptz)
returns timestamptz
language sql stable set search_path from current
as $$
  select
    greatest(
      minute,
      case
        when upto is null or first > minute then null
        when late is null then upto
        else least(upto, (select coalesce(max(bucket), '-infinity') from slice where bucket <= late))
      end
    )
  from sliced
  cross join (
    select min(since) as late
    from late_slice
  ) marked
$$;

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
