-- Which of the names in $1 are those of series that there are already.
select name
from series
where name = any($1::text[])
