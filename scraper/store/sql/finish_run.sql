-- What was written is counted here, from the rows, not by whoever wrote them.
update job_runs
set status = $2,
    reason = $3,
    finished_at = clock_timestamp(),
    peak_bytes = (select max(peak_bytes) from tasks where run = $1),
    pages = (select count(*) from page_outcomes where run = $1),
    rows_written = (select count(*) from snapshots where run = $1)
                 + (select count(*) from opportunities where run = $1)
                 + (select count(*) from drafts where run = $1)
                 + (select count(*) from planned_posts where run = $1)
                 + (select count(*) from generator_weights where run = $1)
where id = $1 and status = 'running'
returning pages, rows_written
