select id, job, status, reason, worker, started_at, finished_at, pages, rows_written, peak_bytes,
       extract(epoch from coalesce(finished_at, clock_timestamp()) - started_at)::float8 as seconds,
       (select count(*) from tasks where run = r.id)::integer as tasks,
       (select count(*) from tasks where run = r.id and state = 'open')::integer as open_tasks
from job_runs r
where ($2::text is null or job = $2)
order by id desc
limit $1
