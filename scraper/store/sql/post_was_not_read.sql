-- Tried again later and later, after a day at most; not before the site said.
update posts
set last_outcome = $2,
    last_read_at = now(),
    failures = failures + 1,
    due_at = now() + greatest(
        make_interval(secs => coalesce($3, 0)),
        least(interval '5 minutes' * power(2, least(failures, 10)), interval '1 day')
    )
where id = $1
returning id
