insert into memory_samples (process, at, level, limit_bytes, used_bytes, peak_used_bytes, promised_bytes,
                            unused_bytes, pressure, oom_kills, bound_by, by_role, by_component)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
returning id
