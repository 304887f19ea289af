-- Take the plan or the fact, as $4 says, out of the readings of the series $3 from $1 up to $2. Returns the same as
-- remove_readings.sql, in the same way.
with
  changed as (
    update reading
    set
      plan = case when $4::text = 'fact' then plan end,
      fact = case when $4::text = 'plan' then fact end
    where ts >= $1::timestamptz
      and ts < $2::timestamptz
      and series = any($3::text[])
      and case $4::text when 'plan' then plan is not null else fact is not null end
  )
select
  coalesce(sum(readings), 0)::bigint as readings,
  range_agg(int8range(minute, minute + 1))::text as minutes
from (
  select
    floor(extract(epoch from time_bucket(interval '1 minute', ts)) / 60)::bigint as minute,
    count(*) as readings
  from reading
  where ts >= $1::timestamptz
    and ts < $2::timestamptz
    and series = any($3::text[])
    and case $4::text when 'plan' then plan is not null else fact is not null end
  group by time_bucket(interval '1 minute', ts)
) counted
