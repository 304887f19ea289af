-- Claim the next run of a background job. There is no row where another replica has claimed it, or has run the job
-- since the run that ended at $2. A claim is free again after a quarter of an hour, which is longer than a run may
-- take, so that a run that was cut off doesn't block the job. A row is used instead of an advisory lock, because behind
-- a connection pooler such a lock could stay with a session that the pooler has given to another client.
update job_run
set begun = now()
where job = $1::integer
  and ended is not distinct from $2::timestamptz
  and (begun is null or begun < now() - interval '15 minutes')
returning job
