-- $2: the time that it was due, as in post_was_read. Tried again later and later, after a day at most, and not before
-- the site said ($4). $5: so often the same outcome in a row and it is given up, with $6 as the reason; null: never.
update posts
set last_outcome = $3,
    last_read_at = clock_timestamp(),
    failures = failures + 1,
    same_outcomes = case when last_outcome = $3 then same_outcomes + 1 else 1 end,
    worker_deaths = 0,
    task = null,
    state = case when last_outcome = $3 and same_outcomes + 1 >= $5::integer then 'given_up' else state end,
    state_reason = case when last_outcome = $3 and same_outcomes + 1 >= $5::integer then $6 else state_reason end,
    due_at = clock_timestamp() + greatest(
        make_interval(secs => coalesce($4, 0)),
        least(interval '5 minutes' * power(2, least(failures, 10)), interval '1 day')
    )
where id = $1 and due_at = $2
returning id, state
