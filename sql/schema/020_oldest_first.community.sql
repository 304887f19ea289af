-- The policies of 004 refresh in batches, by default the newest first: the watermark is then ahead of the older batches,
-- and what isn't materialised yet can't be seen, for as long as it takes to catch up after a large import or an outage.
-- The oldest first, the watermark never passes what isn't there.
select alter_job(job_id, config => config || '{"refresh_newest_first": false}')
from timescaledb_information.jobs
where hypertable_schema = current_schema()
  and proc_name = 'policy_refresh_continuous_aggregate';
