-- Record the batch ids of a transaction and its number $5, which counts the transactions of the committer $4. Returns
-- the ids that are new, and whether the transaction is new: if its number was committed before, there is nothing left
-- to do. This waits for other transactions that are just writing one of the ids or the same number. It also returns the
-- time of the transaction, by which readings are late or not, and limits its duration, on which
-- sql/schema/005_exact.sql relies, and for how long a service that stands still in it may hold up the others, by the
-- marks and ids that it is writing; and the time for which slices are or will be made: see sql/schema/097_slices.sql. The
-- transaction also writes the names of its series: see sql/schema/070_series.sql.
with
  new as (
    insert into batch (id, digest, readings)
    select id, digest, readings
    from unnest($1::text[], $2::bytea[], $3::integer[]) as given (id, digest, readings)
    on conflict (id) do nothing
    returning id
  ),
  numbered as (
    insert into committer (id, number, series_noted_at, sliced_at)
    values ($4::uuid, $5::bigint, now(), now())
    on conflict (id) do update
      set
        number = excluded.number,
        at = default,
        series_noted_at = excluded.series_noted_at,
        sliced_at = excluded.sliced_at
    where committer.number < excluded.number
    returning id
  )
select
  now() as started,
  set_config('idle_in_transaction_session_timeout', '10s', true)
  || case
    when current_setting('server_version_num')::integer >= 170000 then set_config('transaction_timeout', '50s', true)
    else set_config('statement_timeout', '10s', true)
  end as bound,
  array(select id from new) as new_ids,
  exists (select from numbered) as is_new,
  (select first from sliced) as sliced_from,
  (select announced from sliced) as sliced_upto
