select id from job_runs where id = $1 for update
