-- $4: whether it failed; $5: whether it counts at all.
update tasks
set worker = null,
    at_post = null,
    reason = $2,
    not_before = clock_timestamp() + make_interval(secs => $3),
    failures = failures + ($4::boolean and $5::boolean)::integer,
    put_offs = put_offs + (not $4::boolean and $5::boolean)::integer
where id = $1 and state = 'open'
returning failures
