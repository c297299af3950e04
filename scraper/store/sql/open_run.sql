select r.id, r.started_at, r.worker, r.is_planned,
       (select count(*) from tasks where run = r.id and state = 'open')::integer as open_tasks,
       (select count(*) from tasks where run = r.id)::integer as tasks
from job_runs r
where r.job = $1 and r.status = 'running'
