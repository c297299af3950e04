-- Each snapshot with whose it is. $1: the id of the last row seen; $2: rows a page; $3: since when, or null;
-- $4: a site, or null for all.
select s.id, p.site, p.post_id, p.url, p.author, s.post, s.run, s.due_at, s.taken_at,
       s.views, s.likes, s.reposts, s.replies, s.bookmarks, s.score,
       s.approximate, s.sources, s.warnings, s.layout
from snapshots s
join posts p on p.id = s.post
where s.id > $1
  and ($3::timestamptz is null or s.taken_at >= $3)
  and ($4::text is null or p.site = $4)
order by s.id
limit $2
