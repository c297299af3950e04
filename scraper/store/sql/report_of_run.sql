select id, job, status, reason, pages, rows_written, peak_bytes,
       coalesce(extract(epoch from finished_at - started_at), 0)::float8 as seconds
from job_runs
where ticket = $1 and status <> 'running'
