-- The names of the series that have readings since the day (UTC) $1, at most a few thousand: for choosers.
select series
from (
  :exact(day, $1::timestamptz, timestamptz 'infinity')
) exact
group by series
order by series
limit 3000
