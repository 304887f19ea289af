-- The series of all readings that were written before there was a table of their names. The rollups are views here, so
-- this reads all readings, once.
insert into series (name)
select series
from reading
group by series
order by series collate "C";
