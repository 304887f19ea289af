-- Let chunks of readings move to the columnstore $1 after their end; nothing is changed where they do so already.
select alter_job(job_id, config => config || jsonb_build_object('compress_after', $1::interval::text))
from timescaledb_information.jobs
where hypertable_schema = current_schema()
  and hypertable_name = 'reading'
  and proc_name = 'policy_compression'
  and (config ->> 'compress_after')::interval <> $1::interval
