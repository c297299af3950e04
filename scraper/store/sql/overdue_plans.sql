-- Runs whose deadline was over before they were planned, or closed: whoever was at it has gone.
update job_runs
set is_planned = true
where status = 'running' and deadline_at < clock_timestamp()
returning id
