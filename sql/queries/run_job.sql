-- Run a background job now, because it is late or because the engine has no background workers.
call run_job($1::integer)
