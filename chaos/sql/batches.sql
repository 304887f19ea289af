-- What is remembered of the batches that the checker sent.
select
  id,
  readings
from batch
where id like 'batch %'
