-- The buckets of a rollup on a few given days (UTC). Steps of months and years need them where a step begins within a
-- day.
--
-- This is a function that reads one day after the other, since a join would be planned for every chunk although it
-- needs few of them.
--
-- On the community edition hours_of_days, quarters_of_days and minutes_of_days, which sql/schema/045 created, aren't
-- used any more, but replicas of the previous version that are still running may call them. A later release drops them.
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
