-- Take the plan or the fact, as $4 says, out of the readings of the series $3 from $1 up to $2. Returns the same as
-- remove_readings.sql.
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
    returning ts
  )
select
  coalesce(sum(readings), 0)::bigint as readings,
  range_agg(int8range(minute, minute + 1))::text as minutes
from (
  select
    floor(extract(epoch from ts) / 60)::bigint as minute,
    count(*) as readings
  from changed
  group by 1
) counted
