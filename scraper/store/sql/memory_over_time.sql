-- One row a stretch of time: the sample with the fullest moment in it, of whichever process, and the highest level of
-- all. Oldest first.
select distinct on (from_at) from_at, peak_used_bytes, limit_bytes, promised_bytes, share,
       max(level) over (partition by from_at) as level
from (
    select date_bin($2::interval, at, $1) as from_at, peak_used_bytes, limit_bytes, promised_bytes,
           array_position(array['normal', 'elevated', 'critical', 'emergency'], level) - 1 as level,
           peak_used_bytes::float8 / nullif(limit_bytes, 0) as share
    from memory_samples
    where at >= $1
) as samples
order by from_at, share desc nulls last
