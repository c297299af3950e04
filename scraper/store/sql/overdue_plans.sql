-- Runs whose deadline was over before they were planned, or closed: whoever was at it has gone. $1: the reason of the
-- former.
update job_runs
set is_planned = true,
    reason = case when is_planned then reason else $1 end
where status = 'running' and deadline_at < clock_timestamp()
returning id
