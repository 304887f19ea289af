-- Whether there is any reading.
select exists (select from reading)
