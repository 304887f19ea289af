-- The keys that may be used now.
select
  id,
  name,
  digest,
  scopes,
  series,
  rate,
  expires_at as expires
from access_key
where revoked_at is null
  and (expires_at is null or expires_at > now())
