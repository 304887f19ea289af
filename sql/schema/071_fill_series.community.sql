-- The series of all readings that were written before there was a table of their names: from days, of which there are
-- few, and from the minutes of late readings, which the days may not show yet.
insert into series (name)
select series
from (
  select series
  from day_rollup
  union
  select series
  from late_minutes()
) found
order by series collate "C";
