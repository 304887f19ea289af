-- Revoke the key of this name. There is no row where there is none, or it was revoked before.
update access_key
set revoked_at = now()
where name = $1::text
  and revoked_at is null
returning id
