insert into schedules (job, rule, next_at, skips) values ($1, 'never', 'infinity', $2::boolean::integer)
on conflict (job) do update set skips = case when $2::boolean then schedules.skips + 1 else 0 end
returning skips
