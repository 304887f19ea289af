-- The same as spread.sql for a period within one minute, which is then the only bucket. It reads the readings
-- themselves.
select
  count(*) as total,
  case when $4::bigint between 0 and count(*) - 1 then $1::timestamptz end as bucket,
  0::bigint as before,
  case when $5::bigint >= 0 and count(*) > 0 then $1::timestamptz end as last_bucket
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and ($3::text[] is null or series = any($3::text[]))
  and $6::boolean is not null
