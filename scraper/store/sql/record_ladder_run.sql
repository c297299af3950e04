insert into ladder_runs (process, at, reason, is_calm, freed_bytes, seconds, steps)
values ($1, $2, $3, $4, $5, $6, $7)
returning id
