-- Record the batch id of a correction; the result is empty where it is there already. This waits for another transaction
-- that is just writing the same id.
insert into batch (id, digest, readings)
values ($1::text, $2::bytea, $3::integer)
on conflict (id) do nothing
returning id
