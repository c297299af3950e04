select count(*)::integer as runs from job_runs where job = $1
