-- The days (UTC) of a period of whole days on which there are readings of the given series or, without any, of all
-- series. $4 is what upto.sql has returned.
select time_bucket(interval '1 day', bucket) as day
from (
  :exact(day, $1::timestamptz, $2::timestamptz, $4) of series
) exact
where $3::text[] is null or series = any($3::text[])
group by day
order by day
