-- $1: a site; $2: ids of its posts.
select post_id, url from posts where site = $1 and post_id = any ($2::text[])
