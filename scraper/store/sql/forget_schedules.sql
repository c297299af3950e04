-- What somebody has paused stays paused, should it come back.
delete from schedules
where job = any ($2::text[]) and not (job = any ($1::text[])) and paused_at is null
returning job
