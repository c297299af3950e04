select id, status, is_planned, is_small from job_runs where ticket = $1
