-- $3: whether the worker before died at the task itself. A run is overdue when its deadline is over.
update tasks t
set starts = t.starts + 1, worker = $2, started_at = clock_timestamp(), at_post = null, deaths = t.deaths + $3::integer
from job_runs r
where t.id = $1 and t.state = 'open' and r.id = t.run
returning t.run, t.job, t.payload, t.failures, t.put_offs, t.deaths,
          r.started_at as began, r.deadline_at < clock_timestamp() as is_overdue,
          exists (select from posts where task = t.id and worker_deaths > 0)
              or exists (select from targets where task = t.id and worker_deaths > 0) as is_suspect
