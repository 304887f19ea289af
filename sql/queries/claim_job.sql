-- Take the run of a background job upon ourselves; no row where another replica has it, or has run the job since its last
-- run ended at $2. A run that was cut off is free again after a quarter of an hour, longer than any may take. A row, and
-- no advisory lock: through a pooler that hands sessions around, such a lock would stay with a session of somebody else's.
update job_run
set begun = now()
where job = $1::integer
  and ended is not distinct from $2::timestamptz
  and (begun is null or begun < now() - interval '15 minutes')
returning job
