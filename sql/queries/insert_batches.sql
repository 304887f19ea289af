-- Remember the batch ids of a transaction. Answers those that are new, and the transaction's own id, by which
-- its fate can be learned if the connection is lost while it commits. An id that another transaction
-- is just writing is waited for. Also the transaction's time, by which its readings are late or not, and a bound
-- on how long it may last, on which 005_exact.sql relies.
with
  new as (
    insert into batch (id, digest, readings)
    select id, digest, readings
    from unnest($1::text[], $2::bytea[], $3::integer[]) as given (id, digest, readings)
    on conflict (id) do nothing
    returning id
  )
select
  now() as started,
  case
    when current_setting('server_version_num')::integer >= 170000 then set_config('transaction_timeout', '50s', true)
    else set_config('idle_in_transaction_session_timeout', '10s', true) || set_config('statement_timeout', '10s', true)
  end as bound,
  pg_current_xact_id()::text as transaction,
  array(select id from new) as new_ids
