-- Written once for each wish, however often it is delivered.
insert into job_runs (job, status, reason, ticket, worker, finished_at, is_planned)
values ($1, 'skipped', $2, $3, $4, clock_timestamp(), true)
on conflict (ticket) do nothing
returning id
