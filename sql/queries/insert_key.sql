-- Add a key. There is no row where a key of this name may still be used.
insert into access_key (name, digest, scopes, series, rate, expires_at)
values ($1::text, $2::bytea, $3::text[], $4::text[], $5::double precision, now() + $6::interval)
on conflict (name) where revoked_at is null do nothing
returning id
