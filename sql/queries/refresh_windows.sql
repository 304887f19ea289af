-- How far back TimescaleDB's jobs refresh the rollups: the job that goes furthest, where null stands for the beginning.
select
  hypertable_name as rollup,
  (config ->> 'start_offset')::interval as start
from timescaledb_information.jobs
where hypertable_schema = current_schema()
  and proc_name = 'policy_refresh_continuous_aggregate'
order by start desc nulls first
limit 1
