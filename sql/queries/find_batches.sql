-- The digests of batches that were committed with these ids, to tell a batch that is sent again from another batch with
-- the same id.
select
  id,
  digest
from batch
where id = any($1::text[])
