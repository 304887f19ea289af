-- The files of functions as they were last applied, and the checksums of their earlier versions.
select distinct on (name)
  name,
  sha256,
  schema_number,
  applied_at,
  array(select sha256 from applied_functions earlier where earlier.name = newest.name) as earlier
from applied_functions newest
order by name, id desc
