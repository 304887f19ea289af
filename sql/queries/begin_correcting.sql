-- Prepare a transaction that corrects readings: limit its duration, on which sql/schema/005_exact.sql relies, and for how
-- long a service that stands still in it may hold up the others; plan each statement for its own range, and lift
-- TimescaleDB's limit for changes in the columnstore, 100,000 readings. It returns the time of the transaction, by which
-- readings are late or not, and the time for which slices are or will be made: see sql/schema/097_slices.sql.
select
  now() as started,
  set_config('idle_in_transaction_session_timeout', '10s', true) as bound_idle,
  case
    when current_setting('server_version_num')::integer >= 170000
      then set_config('transaction_timeout', '50s', true)
  end as bound,
  set_config('plan_cache_mode', 'force_custom_plan', true) as planned,
  case
    when current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction', true) is not null
      then set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)
  end as unlimited,
  (select first from sliced) as sliced_from,
  (select announced from sliced) as sliced_upto
