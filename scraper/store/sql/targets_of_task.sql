select id, site, url, due_at, is_watched, is_harvested from targets where task = $1 order by due_at, id
