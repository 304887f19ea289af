-- How many readings there are.
select count(*)
from reading
