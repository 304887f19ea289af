-- Make the slices from $2 up to $3, in place of those from $2 on, and take away the marks that are seen at this moment.
-- $1 is the watermark of the rollup of minutes, before which no slices are needed any more.
--
-- The last values are looked for by themselves, from the time on at which the first of them came: TimescaleDB aggregates
-- whole vectors only where no last() is asked for.
with
  made as (
    update sliced
    set first = $1::timestamptz, upto = $3::timestamptz
  ),
  seen as (
    delete from late_slice
  ),
  old as (
    delete from slice
    where bucket < $1::timestamptz
      or bucket >= $2::timestamptz
  ),
  fresh as materialized (
    :fresh(minute, $2::timestamptz, $3::timestamptz) of series, readings, plan_sum, plan_count, plan_min, plan_max, plan_at, fact_sum, fact_count, fact_min, fact_max, fact_at
  ),
  newest as (
    select
      greatest(time_bucket(interval '1 minute', ts), $2::timestamptz) as bucket,
      series,
      last(plan, ts) filter (where plan is not null) as plan_last,
      last(fact, ts) filter (where fact is not null) as fact_last
    from reading
    where ts >= (select min(least(plan_at, fact_at)) from fresh)
      and ts < $3::timestamptz
    group by 1, 2
  )
insert into slice
select
  bucket,
  series,
  readings,
  plan_sum,
  plan_count,
  plan_min,
  plan_max,
  plan_last,
  fact_sum,
  fact_count,
  fact_min,
  fact_max,
  fact_last
from fresh
left join newest using (bucket, series)
