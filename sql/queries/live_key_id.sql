-- The id of the key of this name that may be used now.
select id
from access_key
where name = $1::text
  and revoked_at is null
  and (expires_at is null or expires_at > now())
