-- The newest transaction of each committer, by which it learns whether that was committed when the connection is lost
-- before the answer to COMMIT: the number is written in the transaction itself.
--
-- Asking the server about a transaction id (pg_xact_status) isn't enough: after a crash ids that were given out shortly
-- before may be unknown, or given out anew, and then another transaction's fate is answered.

create table committer (
  -- made up by each committer of each service when it starts
  id uuid primary key,
  number bigint not null,
  at timestamptz not null default now()
)
-- Updated in place, over and over.
with (fillfactor = 50);
