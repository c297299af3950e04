update job_runs set is_planned = true, reason = $2 where id = $1 and status = 'running' returning id
