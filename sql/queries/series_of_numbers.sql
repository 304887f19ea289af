-- The series that have these numbers ($4) in exported.sql with the same $5, of the readings from $1 to $2, both included.
select
  hashtextextended(series, $5::bigint) as number,
  series
from reading
where ts >= $1::timestamptz
  and ts <= $2::timestamptz
  and ($3::text[] is null or series = any($3::text[]))
  and hashtextextended(series, $5::bigint) = any($4::bigint[])
group by 1, 2
