-- Rollups of some days (UTC) out of many: what steps of months and years are made of where they begin within a day.
--
-- A function that asks for one day after the other, since a join plans for every chunk what concerns few of them.

create function hours_of_days(days timestamptz[])
returns setof hour_rollup
language plpgsql stable set search_path from current
as $$
declare
  day timestamptz;
begin
  foreach day in array days loop
    return query
      select *
      from hour_rollup
      where hour_rollup.bucket >= day
        and hour_rollup.bucket < day + interval '24 hours';
  end loop;
end
$$;

create function quarters_of_days(days timestamptz[])
returns setof quarter_rollup
language plpgsql stable set search_path from current
as $$
declare
  day timestamptz;
begin
  foreach day in array days loop
    return query
      select *
      from quarter_rollup
      where quarter_rollup.bucket >= day
        and quarter_rollup.bucket < day + interval '24 hours';
  end loop;
end
$$;

create function minutes_of_days(days timestamptz[])
returns setof minute_rollup
language plpgsql stable set search_path from current
as $$
declare
  day timestamptz;
begin
  foreach day in array days loop
    return query
      select *
      from minute_rollup
      where minute_rollup.bucket >= day
        and minute_rollup.bucket < day + interval '24 hours';
  end loop;
end
$$;
