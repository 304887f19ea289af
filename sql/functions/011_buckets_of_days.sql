-- The buckets of a rollup on some days (UTC) out of many: what steps of months and years are made of where they begin
-- within a day.
--
-- A function that asks for one day after the other, since a join plans for every chunk what concerns few of them.
--
-- On the community edition hours_of_days, quarters_of_days and minutes_of_days, which sql/schema/045 made, are still there,
-- though no longer used: replicas of the version before this one may still be running and ask for them. A later
-- release drops them.
create or replace function buckets_of_days(rollup regclass, days timestamptz[])
returns setof minute_rollup
language plpgsql stable set search_path from current set timezone to 'UTC'
as $$
declare
  day timestamptz;
begin
  foreach day in array days loop
    return query execute format(
      'select * from %s where bucket >= $1 and bucket < $1 + interval ''24 hours''',
      rollup
    ) using day;
  end loop;
end
$$;
