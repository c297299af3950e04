-- Each post with its last snapshot and, where there is one, what it was before.
select p.site, p.post_id, p.url, p.author, p.text, p.title, p.posted_at, p.last_outcome,
       s.run, s.taken_at, s.views, s.likes, s.reposts, s.replies, s.bookmarks, s.score, s.approximate,
       before.views as views_before, before.likes as likes_before
from posts p
join lateral (
    select * from snapshots where post = p.id order by taken_at desc, id desc limit 1
) s on true
left join lateral (
    select views, likes from snapshots where post = p.id and id < s.id order by id desc limit 1
) before on true
where ($2::text is null or p.site = $2)
order by coalesce(s.views, s.likes, s.score, 0) desc, p.id
limit $1
