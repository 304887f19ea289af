-- The schema files that were applied to this schema.
select
  number,
  name,
  sha256,
  applied_at
from migration
order by number
