-- All readings and batch ids of a server, in numbers that are the same where they are the same.
select
  (select count(*) from reading) as readings,
  (select coalesce(sum(hashtextextended(reading::text, 0)), 0)::text from reading) as of_readings,
  (select count(*) from batch) as batches,
  (select coalesce(sum(hashtextextended(id, readings)), 0)::text from batch) as of_batches
