insert into job_runs (job, status, reason, finished_at) values ($1, 'skipped', $2, clock_timestamp()) returning id
