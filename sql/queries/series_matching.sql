-- The names of the series that match one of the LIKE patterns in $1. $2 and $3 are the first and the last name that each
-- pattern could match, by code points, so that of the index only the part between these is read.
select distinct name
from unnest($1::text[], $2::text[], $3::text[]) as given (pattern, first, last)
join series on name >= first collate "C" and name <= last collate "C" and name like pattern
