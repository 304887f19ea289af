-- Remember the times $1 at which there are notes of the series $2. They are sorted, so that two who write the same ones
-- lock them in the same order and can't deadlock.
insert into noted (ts, series)
select distinct ts, series
from unnest($1::timestamptz[], $2::text[]) as note (ts, series)
order by ts, series
on conflict do nothing
