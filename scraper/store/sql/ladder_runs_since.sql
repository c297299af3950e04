select id, process, at, reason, is_calm, freed_bytes, seconds, steps
from ladder_runs
where at >= $1
order by id desc
limit $2
