-- $1: the id of the last row seen; $2: rows a page; $3: since when, or null; $4: a site, or null for all.
select id, site, post_id, url, author, text, lang, posted_at, likes, replies, views,
       score::text::float8 as score, tier, because, state, target, run, found_at, refreshed_at, expires_at, closed_at
from opportunities
where id > $1
  and ($3::timestamptz is null or refreshed_at >= $3 or closed_at >= $3)
  and ($4::text is null or site = $4)
order by id
limit $2
