-- The newest minute with a fact in a period of whole minutes, for each of the series in $3 or, where that is null, for
-- each there is. $4 is what upto.sql has returned.
select
  series,
  max(time_bucket(interval '1 minute', bucket)) as newest
from (
  :exact(minute, $1::timestamptz, $2::timestamptz, $4) of series, fact_count
) exact
where fact_count > 0
  and ($3::text[] is null or series = any($3::text[]))
group by series
