-- $1, $2: the key of the last row seen; $3: rows a page; $4: a site, or null for all. Who has waited longest comes first,
-- so that none starves.
select id, site, url, due_at
from targets
where held_reason is null
  and task is null
  and due_at <= clock_timestamp()
  and (due_at, id) > ($1, $2)
  and ($4::text is null or site = $4)
order by due_at, id
limit $3
