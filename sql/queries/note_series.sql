-- Add the names of all series with readings since the day (UTC) $1 that aren't in the table yet. $2 is what
-- upto.sql has returned.
insert into series (name)
select series collate "C" as name
from (
  :exact(day, $1::timestamptz, timestamptz 'infinity', $2) of series
) exact
group by name
order by name
on conflict (name) do nothing
