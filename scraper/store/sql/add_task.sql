insert into tasks (run, job, payload) values ($1, $2, $3) returning id
