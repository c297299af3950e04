insert into schedules (job, rule, next_at) values ($1, $2, $3)
on conflict (job) do update set rule = excluded.rule, next_at = excluded.next_at
where schedules.rule <> excluded.rule
