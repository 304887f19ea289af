-- Is there any reading at all?
select exists (select from reading)
