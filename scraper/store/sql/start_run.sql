insert into job_runs (job, status) values ($1, 'running') returning id
