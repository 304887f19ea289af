-- The days (UTC) of a period of whole days on which there are readings of the given series or, without any, of all
-- series.
select bucket
from (
  :exact(day, $1::timestamptz, $2::timestamptz)
) exact
where $3::text[] is null or series = any($3::text[])
group by bucket
order by bucket
