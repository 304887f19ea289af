-- The number of the emitter's readings and that of its batch ids, which have to be equal, since each of its batches is
-- one reading. Ids that are computed from the content, as for line protocol without an id, aren't the emitter's.
select
  (select count(*) from reading where series = 'emitter') as readings,
  (
    select count(*)
    from batch
    where id not like 'batch %'
      and id not like 'correction %'
      and id not like 'watched %'
      and id not like 'content %'
  ) as batches
