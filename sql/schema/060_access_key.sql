-- The keys by which callers are known. A key itself isn't kept, only its SHA-256: a key has 256 random bits, so that it
-- can't be found by trying, and a slow hash would gain nothing.
--
-- No row is ever deleted. While there is none at all, ANONYMOUS=auto leaves everything open; it must not be open again
-- when the last key has expired or was revoked.

create table access_key (
  id bigint primary key generated always as identity,
  name text not null,
  digest bytea not null unique,
  scopes text[] not null,
  -- patterns of the series that may be written and seen; null: all of them
  series text[],
  -- readings a second; null: INGEST_RATE applies
  rate double precision,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  -- to the minute
  used_at timestamptz,
  revoked_at timestamptz
);

create unique index access_key_name on access_key (name) where revoked_at is null;
