-- The schema files that this schema was made from.
select
  number,
  name,
  sha256,
  applied_at
from migration
order by number
