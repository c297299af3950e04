-- A young post is looked at often, an old one seldom: 5, 15, 30 minutes, 2 and 6 hours, a day.
update posts
set author = coalesce($2, author),
    author_name = coalesce($3, author_name),
    text = coalesce($4, text),
    title = coalesce($5, title),
    link = coalesce($6, link),
    posted_at = coalesce($7, posted_at),
    last_outcome = 'ok',
    last_read_at = now(),
    failures = 0,
    due_at = now() + case
        when coalesce($7, posted_at, added_at) > now() - interval '1 hour' then interval '5 minutes'
        when coalesce($7, posted_at, added_at) > now() - interval '6 hours' then interval '15 minutes'
        when coalesce($7, posted_at, added_at) > now() - interval '1 day' then interval '30 minutes'
        when coalesce($7, posted_at, added_at) > now() - interval '3 days' then interval '2 hours'
        when coalesce($7, posted_at, added_at) > now() - interval '14 days' then interval '6 hours'
        else interval '1 day'
    end
where id = $1
returning id
