-- Make the slices from $2 up to $3, in place of those from $2 on, and take away the marks that are seen at this moment.
-- $1 is the watermark of the rollup of minutes, before which no slices are needed any more.
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
  )
insert into slice
select
  greatest($2::timestamptz, minute),
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
from (
  select
    time_bucket(interval '1 minute', ts) as minute,
    series,
    count(*) as readings,
    sum(plan) as plan_sum,
    count(plan) as plan_count,
    min(plan) as plan_min,
    max(plan) as plan_max,
    last(plan, ts) filter (where plan is not null) as plan_last,
    sum(fact) as fact_sum,
    count(fact) as fact_count,
    min(fact) as fact_min,
    max(fact) as fact_max,
    last(fact, ts) filter (where fact is not null) as fact_last
  from reading
  where ts >= $2::timestamptz
    and ts < $3::timestamptz
  group by 1, 2
) aggregated
