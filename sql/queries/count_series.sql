-- How many series there are.
select count(*)
from series
