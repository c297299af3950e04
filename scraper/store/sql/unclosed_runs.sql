-- Planned runs without an open task: whoever did the last one did not come to close them.
select id from job_runs r
where status = 'running' and is_planned
  and not exists (select from tasks where run = r.id and state = 'open')
