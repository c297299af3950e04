-- $2: the time that it was due, so that whoever comes second changes nothing; $3: the outcome; $4: whether it gave what
-- it was asked for; $5: after how long it is due again, later and later where it fails, after a day at most.
update targets
set last_harvested_at = clock_timestamp(),
    last_outcome = $3,
    failures = case when $4 then 0 else failures + 1 end,
    worker_deaths = 0,
    task = null,
    due_at = clock_timestamp() + case
        when $4 then $5::interval
        else least($5::interval * power(2, least(failures, 10)), greatest($5::interval, interval '1 day'))
    end
where id = $1 and due_at = $2
returning id
