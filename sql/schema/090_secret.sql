-- Secrets that all replicas share, made by whichever of them starts first. `signing` signs the sessions of browsers and
-- links to charts: without its row all of them end, and the next start makes another.

create table secret (
  name text primary key,
  value bytea not null,
  made_at timestamptz not null default now()
);
