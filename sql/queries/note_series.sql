-- Add the names of all series with readings since the day (UTC) $1 that aren't in the table yet.
insert into series (name)
select series collate "C" as name
from (
  :exact(day, $1::timestamptz, timestamptz 'infinity')
) exact
group by name
order by name
on conflict (name) do nothing
