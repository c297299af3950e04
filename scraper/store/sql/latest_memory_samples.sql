-- The last sample of each process that has written one since $1.
select distinct on (process) process, at, level, limit_bytes, used_bytes, peak_used_bytes, promised_bytes,
       unused_bytes, pressure, oom_kills, bound_by, by_role, by_component
from memory_samples
where at >= $1
order by process, id desc
