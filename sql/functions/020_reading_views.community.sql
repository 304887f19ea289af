-- reading_minute, reading_quarter, reading_hour and reading_day show the rollups with exact numbers at any time, for
-- people and programs that query the database directly. The service's own queries name the rollups themselves: see
-- docs/decisions.
do $$
declare
  size record;
begin
  for size in
    select *
    from (
      values
        ('minute', interval '1 minute'),
        ('quarter', interval '15 minutes'),
        ('hour', interval '1 hour'),
        ('day', interval '1 day')
    ) given (name, width)
  loop
    execute format(
      $view$
        create or replace view %1$I as
        select *
        from %2$I
        where not exists (select from late_minute where time_bucket(interval %3$L, late_minute.bucket) = %2$I.bucket)
        union all
        select *
        from late_buckets(interval %3$L)
      $view$,
      'reading_' || size.name,
      size.name || '_rollup',
      size.width
    );
  end loop;
end
$$;
