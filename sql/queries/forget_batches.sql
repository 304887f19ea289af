-- Delete batch ids that are older than BATCH_MEMORY, the oldest first and only so many at a time that no lock is held
-- for long.
delete from batch
where id in (
  select id
  from batch
  where committed_at < now() - $1::interval
  order by committed_at
  limit $2::integer
)
