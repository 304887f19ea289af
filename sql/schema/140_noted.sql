-- When notes were taken, and of which series. The columnstore has no index of attributes: without this table, each chart
-- would read all readings of its period to find the few that are notes, 4 seconds for 10 million.
--
-- Whoever writes a note adds it here, in the same transaction. It stays when the note is corrected away; what it leads to
-- is looked up in the readings, which alone say what notes there are.
create table noted (
  ts timestamptz,
  series text collate "C",
  primary key (ts, series)
);

insert into noted (ts, series)
select distinct ts, series
from reading
where plan is null
  and fact is null
  and attributes ? 'note';

drop index reading_note;
