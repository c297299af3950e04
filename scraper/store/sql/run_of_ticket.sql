select id, status, started_at, is_planned, is_small,
       coalesce(extract(epoch from deadline_at - clock_timestamp()), 0)::float8 as left_seconds
from job_runs where ticket = $1
