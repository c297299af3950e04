-- What alarms are decided by. `since` is when the job was first heard of; a run that opened pages and wrote nothing is
-- counted apart from one for which there was nothing to do.
select clock_timestamp() as now,
       min(started_at) as since,
       max(finished_at) filter (where status in ('success', 'partial')) as last_good_at,
       max(finished_at) filter (where rows_written > 0) as last_rows_at,
       count(*) filter (where status in ('success', 'partial') and rows_written = 0 and pages > 0
           and id > coalesce((select max(id) from job_runs where job = $1 and rows_written > 0), 0)) as empty_runs,
       sum(pages) filter (where rows_written = 0
           and id > coalesce((select max(id) from job_runs where job = $1 and rows_written > 0), 0)) as empty_pages
from job_runs
where job = $1
