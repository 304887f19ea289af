-- All keys for people, in the order in which they were made; without those that were revoked unless $1 is true.
select
  name,
  scopes,
  series,
  rate,
  created_at as created,
  expires_at as expires,
  used_at as used,
  revoked_at as revoked
from access_key
where $1::boolean or revoked_at is null
order by id
