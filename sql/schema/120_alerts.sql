-- The alerts that have begun and haven't ended, and what is still to be sent about them. They are kept here so that a
-- restart or another replica neither forgets an alert nor sends it again.

create table alert (
  rule text not null,
  -- empty where the alert is about several series together
  series text not null,
  starts_at timestamptz not null,
  primary key (rule, series)
);

create table alert_message (
  -- the order in which they are sent
  number bigint primary key generated always as identity,
  -- by which a receiver knows one that it gets twice
  id uuid not null default gen_random_uuid(),
  rule text not null,
  series text not null,
  detail text not null,
  starts_at timestamptz not null,
  -- null while the alert lasts
  ends_at timestamptz,
  made_at timestamptz not null default now(),
  tries integer not null default 0,
  -- not to be sent before
  due_at timestamptz not null default now()
);
