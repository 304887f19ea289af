-- The schema files that this schema was made from.
select
  number,
  name,
  sha256
from migration
order by number
