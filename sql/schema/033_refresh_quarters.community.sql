-- As in 004 and 020.
select add_continuous_aggregate_policy('quarter_rollup',
  start_offset => interval '30 days', end_offset => interval '30 minutes', schedule_interval => interval '5 minutes');
select add_continuous_aggregate_policy('quarter_total',
  start_offset => interval '30 days', end_offset => interval '30 minutes', schedule_interval => interval '5 minutes');

select alter_job(job_id, config => config || '{"refresh_newest_first": false}')
from timescaledb_information.jobs
where hypertable_schema = current_schema()
  and proc_name = 'policy_refresh_continuous_aggregate'
  and not config ? 'refresh_newest_first';
