-- Record when the service first saw each background job of this schema: those of its hypertables and continuous
-- aggregates, and those that somebody has added with a procedure in this schema.
insert into job_run (job)
select job_id
from timescaledb_information.jobs
where current_schema() in (hypertable_schema, proc_schema)
  and not exists (select from job_run where job = job_id)
on conflict (job) do nothing
