select count(*) as runs,
       count(*) filter (where is_calm) as runs_calm,
       coalesce(sum(freed_bytes), 0)::bigint as freed_bytes
from ladder_runs
where at >= $1
