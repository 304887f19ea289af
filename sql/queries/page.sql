-- One page of readings, newest first.
select
  ts,
  id,
  series,
  plan,
  fact,
  attributes
from reading
order by ts desc, id desc
limit $1
offset $2
