-- Add the names of all series with readings since the day (UTC) $1 that aren't in the table yet.
insert into series (name)
select series
from (
  :exact(day, $1::timestamptz, timestamptz 'infinity')
) exact
where not exists (select from series where name = exact.series collate "C")
group by series
order by series collate "C"
on conflict (name) do nothing
