-- The bars of a chart: plan and fact per bucket of $1, over the chosen series or all of them, made
-- of the exact buckets per hour, those of reading_hour. Buckets without readings are left out.
--
-- Buckets of an hour or less are counted from the origin $5; longer ones follow the clock of zone $6, so that a
-- day has 23 or 25 hours where the clock changes. Only one of the two is given.
select
  case
    when $6::text is null then time_bucket($1::interval, bucket, $5::timestamptz)
    else time_bucket($1::interval, bucket, $6::text)
  end as bucket,
  case $7::text
    when 'sum' then sum(plan_sum)
    when 'avg' then sum(plan_sum) / nullif(sum(plan_count), 0)::double precision
    when 'min' then min(plan_min)
    when 'max' then max(plan_max)
    when 'last' then last(plan_last, bucket) filter (where plan_last is not null)
  end as plan,
  case $7::text
    when 'sum' then sum(fact_sum)
    when 'avg' then sum(fact_sum) / nullif(sum(fact_count), 0)::double precision
    when 'min' then min(fact_min)
    when 'max' then max(fact_max)
    when 'last' then last(fact_last, bucket) filter (where fact_last is not null)
  end as fact,
  sum(readings)::bigint as readings
from (
  select *
  from hour_rollup
  where bucket >= $2::timestamptz
    and bucket < $3::timestamptz
    and not exists (select from late_minute where time_bucket(interval '1 hour', late_minute.bucket) = hour_rollup.bucket)
  union all
  select *
  from late_hours($2::timestamptz, $3::timestamptz)
) hour
where $4::text[] is null or series = any($4::text[])
group by 1
order by 1
