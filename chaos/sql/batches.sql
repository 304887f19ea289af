-- The remembered ids of the batches that the checker has sent.
select
  id,
  readings
from batch
where id like 'batch %'
