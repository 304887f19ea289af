-- The names of series with readings since the day (UTC) $1, at most a few thousand, for the lists to choose from.
select series
from (
  :exact(day, $1::timestamptz, timestamptz 'infinity')
) exact
group by series
order by series
limit 3000
