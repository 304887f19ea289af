-- New chunks of the rollups are as wide as their buckets allow. All of them had the width of ten days, which makes 365
-- chunks in ten years, for few rows in each of them: a day of a rollup of days is one row a series.
select set_chunk_time_interval('minute_rollup', interval '28 days');
select set_chunk_time_interval('quarter_rollup', interval '91 days');
select set_chunk_time_interval('quarter_total', interval '1820 days');
select set_chunk_time_interval('hour_rollup', interval '364 days');
select set_chunk_time_interval('day_rollup', interval '364 days');

-- The policies refresh 1,440 buckets in a transaction, such as a day of minutes. By default they are 10, each with three
-- commits, so that a day takes minutes.
select alter_job(job_id, config => config || '{"buckets_per_batch": 1440}')
from timescaledb_information.jobs
where hypertable_schema = current_schema()
  and proc_name = 'policy_refresh_continuous_aggregate'
  and not config ? 'buckets_per_batch';
