-- The newest day (UTC) of a period of whole days on which one of the series in $3 or, where that is null, any series
-- has a fact. $4 is what upto.sql has returned.
select time_bucket(interval '1 day', max(bucket)) as day
from (
  :exact(day, $1::timestamptz, $2::timestamptz, $4) of series, fact_count
) exact
where fact_count > 0
  and ($3::text[] is null or series = any($3::text[]))
