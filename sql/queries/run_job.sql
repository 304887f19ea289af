-- Run a background job now, where the engine has no workers of its own.
call run_job($1::integer)
