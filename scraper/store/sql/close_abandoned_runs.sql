-- A run that says it is running and whose process is gone would say so for ever.
update job_runs
set status = 'failed', reason = 'its process ended without a word', finished_at = clock_timestamp()
where status = 'running' and job = $1
returning id
