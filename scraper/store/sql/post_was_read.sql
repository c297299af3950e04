-- $2: the time that it was due, so that whoever comes second changes nothing; $9: its growth, by which it is due again.
update posts
set author = coalesce($3, author),
    author_name = coalesce($4, author_name),
    text = coalesce($5, text),
    title = coalesce($6, title),
    link = coalesce($7, link),
    posted_at = coalesce($8, posted_at),
    growth = $9,
    last_outcome = 'ok',
    last_read_at = clock_timestamp(),
    failures = 0,
    worker_deaths = 0,
    task = null,
    due_at = clock_timestamp() + reading_interval(clock_timestamp() - coalesce($8, posted_at, added_at), $9)
where id = $1 and due_at = $2
returning id
