-- Whether there is any reading. This is a function, since a query over all of time is planned for every chunk.
select any_readings()
