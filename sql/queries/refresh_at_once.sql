-- Let the policies refresh all changes in one transaction, and move at most 4 chunks to the columnstore in a run. An
-- engine with a single session does nothing else during a run, which should be short.
select alter_job(job_id, config => jobs.config || given.config)
from timescaledb_information.jobs
join (
  values
    ('policy_refresh_continuous_aggregate', '{"buckets_per_batch": 0}'::jsonb),
    ('policy_compression', '{"maxchunks_to_compress": 4}'::jsonb)
) given (procedure, config) on procedure = proc_name
where hypertable_schema = current_schema()
  and not jobs.config @> given.config
