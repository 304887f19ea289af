-- Remember the batch ids of a transaction. Answers those that are new, and the transaction's own id, by which
-- its fate can be learned if the connection is lost while it commits. An id that another transaction
-- is just writing is waited for.
with
  new as (
    insert into batch (id, digest, readings)
    select id, digest, readings
    from unnest($1::text[], $2::bytea[], $3::integer[]) as given (id, digest, readings)
    on conflict (id) do nothing
    returning id
  )
select
  pg_current_xact_id()::text as transaction,
  array(select id from new) as new_ids
