-- Give up the name of a key that has expired, for another key.
update access_key
set revoked_at = expires_at
where name = $1::text
  and revoked_at is null
  and expires_at <= now()
