-- The rollups on the Apache edition, which has no continuous aggregates: plain views over time_bucket with the same
-- names and columns. They are always exact, but reading a long period costs as much as reading all its readings.
-- quarter_total is over all series.
do $$
declare
  rollup record;
begin
  for rollup in
    select *
    from (
      values
        ('minute_rollup', interval '1 minute'),
        ('quarter_rollup', interval '15 minutes'),
        ('hour_rollup', interval '1 hour'),
        ('day_rollup', interval '1 day')
    ) given (name, width)
  loop
    execute format(
      $view$
        create or replace view %I as
        select
          time_bucket(interval %L, ts) as bucket,
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
        group by 1, 2
      $view$,
      rollup.name,
      rollup.width
    );
  end loop;
end
$$;

create or replace view quarter_total as
select
  time_bucket(interval '15 minutes', ts) as bucket,
  count(*) as readings,
  sum(plan) as plan_sum,
  count(plan) as plan_count,
  min(plan) as plan_min,
  max(plan) as plan_max,
  sum(fact) as fact_sum,
  count(fact) as fact_count,
  min(fact) as fact_min,
  max(fact) as fact_max
from reading
group by 1;
