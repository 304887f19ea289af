-- Forget batch ids that are older than BATCH_MEMORY, the oldest first and a bounded number at a time, so that
-- no lock is held for long.
delete from batch
where id in (
  select id
  from batch
  where committed_at < now() - $1::interval
  order by committed_at
  limit $2::integer
)
