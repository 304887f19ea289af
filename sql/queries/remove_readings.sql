-- Delete the readings of the series $3 from $1 up to $2 or, where $4 is "plan" or "fact", only those that hold nothing
-- else. Returns how many there were, and the minutes since 1970 in which they were, as ranges.
--
-- They are counted before they go, in the snapshot of this one statement, and not by "returning": TimescaleDB 2.23 in the
-- embedded engine leaves most readings of a chunk of the columnstore as they are then.
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
    and (
      $4::text is null
      or (
        attributes is null
        and case $4::text when 'plan' then plan is not null and fact is null else fact is not null and plan is null end
      )
    )
  group by time_bucket(interval '1 minute', ts)
) counted
