-- Remember the batch ids of a transaction and, for the committer $4, its number $5. Answers the ids that are new, and
-- whether the transaction is: a number that was committed before is not, and then there is nothing left to do. What
-- another transaction is just writing, be it an id or an earlier attempt at this number, is waited for. Also
-- the transaction's time, by which its readings are late or not, and a bound on how long it may last, on which
-- sql/schema/005_exact.sql relies.
with
  new as (
    insert into batch (id, digest, readings)
    select id, digest, readings
    from unnest($1::text[], $2::bytea[], $3::integer[]) as given (id, digest, readings)
    on conflict (id) do nothing
    returning id
  ),
  numbered as (
    insert into committer (id, number)
    values ($4::uuid, $5::bigint)
    on conflict (id) do update set number = excluded.number, at = default
    where committer.number < excluded.number
    returning id
  )
select
  now() as started,
  case
    when current_setting('server_version_num')::integer >= 170000 then set_config('transaction_timeout', '50s', true)
    else set_config('idle_in_transaction_session_timeout', '10s', true) || set_config('statement_timeout', '10s', true)
  end as bound,
  array(select id from new) as new_ids,
  exists (select from numbered) as is_new
