-- How fresh the numbers are. $1: posts that are due for so many seconds are late.
select count(*) filter (where state = 'followed')::integer as followed,
       count(*) filter (where state = 'followed' and due_at <= clock_timestamp())::integer as due,
       count(*) filter (where state = 'followed' and due_at <= clock_timestamp() - make_interval(secs => $1))::integer
           as late,
       greatest(0, extract(epoch from clock_timestamp() - min(due_at) filter (where state = 'followed')))::float8
           as oldest_due_seconds,
       count(*) filter (where state = 'held')::integer as held,
       count(*) filter (where state = 'given_up')::integer as given_up,
       (select max(taken_at) from snapshots) as last_snapshot_at,
       (select count(*) from snapshots where taken_at > clock_timestamp() - interval '1 hour')::integer
           as snapshots_last_hour
from posts
