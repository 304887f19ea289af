-- The relations reading_minute, reading_hour and reading_day: the rollups, exact at any moment.
--
-- A continuous aggregate doesn't show readings that are written behind its watermark before its next refresh. So
-- whoever writes readings that are more than a minute old marks their minutes here, in the same transaction;
-- marked minutes, and the hours and days they lie in, are aggregated from the readings when asked for. After
-- a refresh that began when the mark was there, the mark is taken away.
--
-- A minute is enough while a refresh never comes closer to the present than the two minutes of 004, and no
-- transaction that writes readings lasts a minute.

create table late_minute (
  bucket timestamptz primary key,
  -- changes with every late write: a mark that was written anew during a refresh must stay
  version bigint not null generated always as identity
);

-- The marked minutes in a period, exact. A function, and not a part of the views below, since planning a query
-- over all chunks costs more than the answer, which is nearly always nothing.
create function late_minutes(first timestamptz default '-infinity', until timestamptz default 'infinity')
returns setof minute_rollup
language plpgsql stable set search_path from current
as $$
declare
  run record;
begin
  for run in
    select min(bucket) as first, max(bucket) + interval '1 minute' as until
    from (
      select bucket, bucket - row_number() over (order by bucket) * interval '1 minute' as island
      from late_minute
      where bucket >= late_minutes.first and bucket < late_minutes.until
    ) marked
    group by island
  loop
    return query
      select
        time_bucket(interval '1 minute', ts),
        reading.series,
        count(*),
        sum(plan),
        count(plan),
        min(plan),
        max(plan),
        last(plan, ts) filter (where plan is not null),
        sum(fact),
        count(fact),
        min(fact),
        max(fact),
        last(fact, ts) filter (where fact is not null)
      from reading
      where ts >= run.first and ts < run.until
      group by 1, 2;
  end loop;
end
$$;

-- The same for hours with a marked minute in them; the period is of whole hours.
create function late_hours(first timestamptz default '-infinity', until timestamptz default 'infinity')
returns setof hour_rollup
language plpgsql stable set search_path from current
as $$
declare
  hour timestamptz;
begin
  for hour in
    select distinct time_bucket(interval '1 hour', bucket)
    from late_minute
    where bucket >= late_hours.first and bucket < late_hours.until
  loop
    return query
      select
        hour,
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
        where minute_rollup.bucket >= hour
          and minute_rollup.bucket < hour + interval '1 hour'
          and not exists (select from late_minute where late_minute.bucket = minute_rollup.bucket)
        union all
        select *
        from late_minutes(hour, hour + interval '1 hour')
      ) minute
      group by 2;
  end loop;
end
$$;

-- The same for days (UTC) with a marked minute in them; the period is of whole days.
create function late_days(first timestamptz default '-infinity', until timestamptz default 'infinity')
returns setof day_rollup
language plpgsql stable set search_path from current
as $$
declare
  day timestamptz;
begin
  for day in
    select distinct time_bucket(interval '1 day', bucket)
    from late_minute
    where bucket >= late_days.first and bucket < late_days.until
  loop
    return query
      select
        day,
        hour.series,
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
        from hour_rollup
        where hour_rollup.bucket >= day
          and hour_rollup.bucket < day + interval '1 day'
          and not exists (
            select from late_minute
            where time_bucket(interval '1 hour', late_minute.bucket) = hour_rollup.bucket
          )
        union all
        select *
        from late_hours(day, day + interval '1 day')
      ) hour
      group by 2;
  end loop;
end
$$;

create view reading_minute as
select *
from minute_rollup
where not exists (select from late_minute where late_minute.bucket = minute_rollup.bucket)
union all
select *
from late_minutes();

create view reading_hour as
select *
from hour_rollup
where not exists (select from late_minute where time_bucket(interval '1 hour', late_minute.bucket) = hour_rollup.bucket)
union all
select *
from late_hours();

create view reading_day as
select *
from day_rollup
where not exists (select from late_minute where time_bucket(interval '1 day', late_minute.bucket) = day_rollup.bucket)
union all
select *
from late_days();
