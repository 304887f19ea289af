-- The same as readings.sql for given series, whose readings may be few among many: only minutes with such readings
-- are read, and no more of these minutes than readings are wanted.
select
  reading.ts,
  reading.id,
  reading.series,
  reading.plan,
  reading.fact,
  reading.attributes
from (
  select time_bucket(interval '1 minute', exact.bucket) as bucket
  from (
    :exact(minute, time_bucket(interval '1 minute', $1::timestamptz), $2::timestamptz, $8) of series
  ) exact
  where series = any($3::text[])
  group by 1
  order by 1 :order
  limit $6::bigint + $7::bigint + 1
) minute
cross join lateral (
  select *
  from reading
  where ts >= minute.bucket
    and ts < minute.bucket + interval '1 minute'
    and ts >= $1::timestamptz
    and ts < $2::timestamptz
    and series = any($3::text[])
    and ($4::timestamptz is null or (ts, id) :beyond ($4::timestamptz, $5::bigint))
) reading
order by ts :order, id :order
limit $6::bigint
offset $7::bigint
