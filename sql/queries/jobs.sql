-- The background jobs of this schema's hypertables and continuous aggregates.
select job_id
from timescaledb_information.jobs
where hypertable_schema = current_schema()
order by job_id
