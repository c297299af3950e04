-- The run, if it is planned and all of its tasks are over.
select id, job, reason
from job_runs r
where id = $1 and status = 'running' and is_planned
  and not exists (select from tasks where run = r.id and state = 'open')
for update
