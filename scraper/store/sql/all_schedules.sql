select s.job, s.rule, s.next_at, s.last_at, s.skips, s.paused_at,
       r.id as run, r.status, r.reason, r.started_at, r.finished_at, r.pages, r.rows_written
from schedules s
left join lateral (select * from job_runs where job = s.job order by id desc limit 1) r on true
order by s.job
