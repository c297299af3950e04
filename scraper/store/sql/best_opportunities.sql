select id, site, post_id, url, author, text, posted_at, likes, replies, views, score, tier, because, state, expires_at
from opportunities
where state in ('open', 'drafted') and expires_at > now() and ($2::text is null or site = $2)
order by score desc, id
limit $1
