-- $1, $2: the key of the last row seen; $3: rows a page; $4: up to when a post counts as due; $5: not what was read
-- since then, so that a run never reads a post twice; $6: a site, or null for all. What a task has claimed is on its way.
select id, site, post_id, url, due_at
from posts
where state = 'followed'
  and task is null
  and due_at <= $4
  and (due_at, id) > ($1, $2)
  and (last_read_at is null or last_read_at < $5)
  and ($6::text is null or site = $6)
order by due_at, id
limit $3
