select job, rule, next_at, clock_timestamp() as now
from schedules
where next_at <= clock_timestamp() and paused_at is null and job = any ($1::text[])
order by next_at
for update skip locked
