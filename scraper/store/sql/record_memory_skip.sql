insert into memory_skips (process, at, component, name, ending, need_bytes, reason)
values ($1, $2, $3, $4, $5, $6, $7)
returning id
