-- How many readings there are in a period of at most a minute, of the series in $3 or, where that is null, of all series.
-- It reads the readings themselves.
select count(*)
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and ($3::text[] is null or series = any($3::text[]))
