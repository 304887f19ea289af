-- The memory of committed batches: a batch id is written in the transaction that writes its readings,
-- so that resending a batch is always safe, to any replica.
--
-- A table of its own, and not a key on reading: a unique index on a hypertable must hold the time column,
-- costs every insert, and switches direct compress off.

create table batch (
  id text primary key,
  -- 16 bytes that tell whether a resend says the same as what was committed
  digest bytea not null,
  readings integer not null,
  committed_at timestamptz not null default now()
);

-- Batches are forgotten by age.
create index batch_committed_at on batch (committed_at);
