-- Let the policies refresh all changes in one transaction. By default they refresh a few buckets at a time, which can
-- take half a minute after old readings came; an engine with a single session would do nothing else meanwhile.
select alter_job(job_id, config => config || '{"buckets_per_batch": 0}')
from timescaledb_information.jobs
where hypertable_schema = current_schema()
  and proc_name = 'policy_refresh_continuous_aggregate'
  and not config ? 'buckets_per_batch'
