insert into alarms (job, kind, says) values ($1, $2, $3)
on conflict (job, kind) where cleared_at is null do update set says = excluded.says, seen_at = clock_timestamp()
returning id, (xmax = 0) as is_new
