-- The usual number of seconds between two facts, to the minute: nine of ten gaps in the period, which is of whole
-- minutes, aren't longer. The facts are those of the series in $3 or, where that is null, of all series. Null where
-- fewer than two minutes have facts. $4 is what upto.sql has returned.
with minute as (
  select distinct time_bucket(interval '1 minute', bucket) as bucket
  from (
    :exact(minute, $1::timestamptz, $2::timestamptz, $4) of series, fact_count
  ) exact
  where fact_count > 0
    and ($3::text[] is null or series = any($3::text[]))
)
select extract(epoch from percentile_disc(0.9) within group (order by gap))::double precision as gap
from (
  select bucket - lag(bucket) over (order by bucket) as gap
  from minute
) gaps
