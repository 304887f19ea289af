-- Quarters of an hour, exact at any moment, as 005 has it for the other rollups.

-- Those with a marked minute in them; the period is of whole quarters.
create function late_quarters(first timestamptz default '-infinity', until timestamptz default 'infinity')
returns setof quarter_rollup
language plpgsql stable set search_path from current
as $$
declare
  quarter timestamptz;
begin
  for quarter in
    select distinct time_bucket(interval '15 minutes', bucket)
    from late_minute
    where bucket >= late_quarters.first and bucket < late_quarters.until
  loop
    return query
      select
        quarter,
        minute.series,
        sum(readings)::bigint,
        sum(plan_sum),
        sum(plan_count)::bigint,
        min(plan_min),
        max(plan_max),
        last(plan_last, bucket) filter (where plan_last is not null),
        sum(fact_sum),
        sum(fact_count)::bigint,
        min(fact_min),
        max(fact_max),
        last(fact_last, bucket) filter (where fact_last is not null)
      from (
        select *
        from minute_rollup
        where minute_rollup.bucket >= quarter
          and minute_rollup.bucket < quarter + interval '15 minutes'
          and not exists (select from late_minute where late_minute.bucket = minute_rollup.bucket)
        union all
        select *
        from late_minutes(quarter, quarter + interval '15 minutes')
      ) minute
      group by 2;
  end loop;
end
$$;

create view reading_quarter as
select *
from quarter_rollup
where not exists (
  select from late_minute where time_bucket(interval '15 minutes', late_minute.bucket) = quarter_rollup.bucket
)
union all
select *
from late_quarters();
