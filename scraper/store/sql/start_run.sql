-- $1: the job; $2: the wish that it answers; $3: who begins it; $4: its deadline in seconds; $5: its smallest form.
-- No row where another run of the job is open.
insert into job_runs (job, status, ticket, worker, deadline_at, is_small)
values ($1, 'running', $2, $3, clock_timestamp() + make_interval(secs => $4), $5)
on conflict do nothing
returning id, status, started_at, is_planned, is_small,
          extract(epoch from deadline_at - clock_timestamp())::float8 as left_seconds
