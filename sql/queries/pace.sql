-- How many seconds lie between two facts, to the minute, of some series or, where $3 is null, of any: nine of ten gaps
-- in the period, which is of whole minutes, are no longer. Null where there is no gap, in less than two minutes with facts.
with minute as (
  select distinct bucket
  from (
    :exact(minute, $1::timestamptz, $2::timestamptz)
  ) exact
  where fact_count > 0
    and ($3::text[] is null or series = any($3::text[]))
)
select extract(epoch from percentile_disc(0.9) within group (order by gap))::double precision as gap
from (
  select bucket - lag(bucket) over (order by bucket) as gap
  from minute
) gaps
