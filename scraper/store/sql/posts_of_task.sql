select id, site, post_id, url, due_at from posts where task = $1 order by due_at, id
