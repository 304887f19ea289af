-- Delete the readings of the series $3 from $1 up to $2 or, where $4 is "plan" or "fact", only those that hold nothing
-- else. Returns how many there were, and the minutes since 1970 in which they were, as ranges. "returning" has
-- TimescaleDB look at each reading, also where a whole batch of the columnstore goes.
with
  gone as (
    delete from reading
    where ts >= $1::timestamptz
      and ts < $2::timestamptz
      and series = any($3::text[])
      and (
        $4::text is null
        or (
          attributes is null
          and case $4::text when 'plan' then plan is not null and fact is null else fact is not null and plan is null end
        )
      )
    returning ts
  )
select
  coalesce(sum(readings), 0)::bigint as readings,
  range_agg(int8range(minute, minute + 1))::text as minutes
from (
  select
    floor(extract(epoch from ts) / 60)::bigint as minute,
    count(*) as readings
  from gone
  group by 1
) counted
