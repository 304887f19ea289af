-- Let the policies refresh whatever changed in one transaction. By default they take a few buckets at a time: after
-- old readings came that can be half a minute, in which an engine that has but one session does nothing else.
select alter_job(job_id, config => config || '{"buckets_per_batch": 0}')
from timescaledb_information.jobs
where hypertable_schema = current_schema()
  and proc_name = 'policy_refresh_continuous_aggregate'
  and not config ? 'buckets_per_batch'
