-- Whether there is any reading, or was one that isn't kept any more. This is a function, since a query over all of time
-- is planned for every chunk.
select any_readings() or exists (
  select
  from kept
  cross join series
  where kept.readings is not null
)
