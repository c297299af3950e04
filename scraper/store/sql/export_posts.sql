-- Each post with its last snapshot. $1: the id of the last row seen; $2: rows a page; $3: since when, or null;
-- $4: a site, or null for all.
select p.id, p.site, p.post_id, p.url, p.author, p.author_name, p.title, p.text, p.link, p.posted_at, p.added_at,
       p.state, p.state_reason, p.due_at, p.last_read_at, p.last_outcome, p.failures,
       p.growth::text::float8 as growth,
       s.taken_at, s.views, s.likes, s.reposts, s.replies, s.bookmarks, s.score, s.approximate
from posts p
left join lateral (
    select taken_at, views, likes, reposts, replies, bookmarks, score, approximate
    from snapshots where post = p.id order by taken_at desc, id desc limit 1
) s on true
where p.id > $1
  and ($3::timestamptz is null or p.added_at >= $3 or p.last_read_at >= $3)
  and ($4::text is null or p.site = $4)
order by p.id
limit $2
