-- The names of the first $1 series.
select name
from series
order by name
limit $1::bigint
