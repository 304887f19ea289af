-- Revoke the key of this name, and say whether it was valid. Those of the name that were revoked before are written again
-- as they are, so that whoever asks again, being in doubt, waits at COMMIT for the servers that have to have it.
with named as (
  select
    id,
    revoked_at is null as was_valid
  from access_key
  where name = $1::text
  for update
)
update access_key
set revoked_at = coalesce(access_key.revoked_at, now())
from named
where access_key.id = named.id
returning named.was_valid
