delete from schedules where job = any ($2::text[]) and not (job = any ($1::text[])) returning job
