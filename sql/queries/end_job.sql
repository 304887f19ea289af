-- Record that the service's run of a background job has ended, and that it succeeded if $2.
update job_run
set begun = null,
  ended = case when $2::boolean then now() else ended end
where job = $1::integer
