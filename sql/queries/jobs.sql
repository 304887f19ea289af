-- The background jobs of this schema and their state. A job is late when it hasn't succeeded for three of its
-- intervals: `late_here` considers only the server's own runs, `late` those of the service as well. A job isn't late
-- while it is paused, while it has been running for some time, or while the server has just started and has to catch
-- up. A job that has only just begun to run may be late, since it may fail each time at once.
with
  known as (
    select
      jobs.*,
      job_stats.job_status = 'Running' and last_run_started_at < now() - interval '10 seconds' as is_running,
      job_stats.total_failures,
      nullif(job_stats.last_successful_finish, '-infinity') as succeeded,
      job_run.ended,
      job_run.known_since
    from timescaledb_information.jobs
    join timescaledb_information.job_stats using (job_id)
    join job_run on job_run.job = job_id
    where current_schema() in (jobs.hypertable_schema, proc_schema)
  ),
  job as (
    select
      *,
      scheduled
        and not coalesce(is_running, false)
        and now() > pg_postmaster_start_time() + least(3 * schedule_interval, interval '10 minutes') as is_awaited
    from known
  )
select
  job_id as id,
  proc_name as procedure,
  hypertable_name as relation,
  schedule_interval as every,
  succeeded,
  ended,
  coalesce(total_failures, 0)::bigint as failures,
  extract(epoch from now() - greatest(succeeded, ended, known_since))::double precision as age,
  coalesce(is_running, false) as is_running,
  not scheduled as is_paused,
  is_awaited and greatest(succeeded, known_since) < now() - 3 * schedule_interval as late_here,
  is_awaited and greatest(succeeded, ended, known_since) < now() - 3 * schedule_interval as late,
  (
    select err_message
    from timescaledb_information.job_errors
    where job_errors.job_id = job.job_id
      and start_time > coalesce(succeeded, '-infinity')
    order by start_time desc
    limit 1
  ) as error
from job
order by job_id
