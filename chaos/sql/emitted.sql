-- The emitter's readings, and the ids of its batches, of which each holds one reading: twice the same number. Ids made of
-- what is in a batch, as line protocol without an id gets, aren't the emitter's.
select
  (select count(*) from reading where series = 'emitter') as readings,
  (select count(*) from batch where id not like 'batch %' and id not like 'content %') as batches
