-- The emitter's readings, and the ids of its batches, of which each holds one reading: twice the same number.
select
  (select count(*) from reading where series = 'emitter') as readings,
  (select count(*) from batch where id not like 'batch %') as batches
