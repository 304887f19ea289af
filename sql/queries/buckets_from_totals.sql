-- The bars of a chart of all series together: plan and fact of each step that has readings, computed from exact buckets
-- of a quarter of an hour. The steps begin at the edges in $1, the last of which ends the period, and are numbered from
-- 1; $2 and $3 are the first and the last edge, $4 is what to compute, which can't be "last".
select
  width_bucket(bucket, $1::timestamptz[]) as number,
  null as name,
  null::integer as others,
  case $4::text
    when 'sum' then sum(plan_sum)
    when 'avg' then sum(plan_sum) / nullif(sum(plan_count), 0)::double precision
    when 'min' then min(plan_min)
    when 'max' then max(plan_max)
  end as plan,
  case $4::text
    when 'sum' then sum(fact_sum)
    when 'avg' then sum(fact_sum) / nullif(sum(fact_count), 0)::double precision
    when 'min' then min(fact_min)
    when 'max' then max(fact_max)
  end as fact,
  sum(readings)::bigint as readings,
  max(bucket) filter (where fact_count > 0) as newest
from (
  :exact(total, $2::timestamptz, $3::timestamptz)
) exact
group by number
order by number
