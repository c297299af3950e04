select status = 'running' and not exists (select from tasks where run = r.id) as has_none
from job_runs r where id = $1
