-- The names of series, in order and at most a few thousand, for the lists to choose from: of those that match one of the
-- LIKE patterns in $1 or, where that is null, of all.
select name
from series
where $1::text[] is null or name like any($1::text[])
order by name
limit 3000
