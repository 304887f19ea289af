-- What was committed under these batch ids, to tell a resend from another batch under the same id.
select
  id,
  digest
from batch
where id = any($1::text[])
