insert into planned_posts (topic, run, generator, arm, text, expires_at)
values ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval)
returning id
