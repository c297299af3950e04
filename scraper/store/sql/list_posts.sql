-- $1: a state, or null for all; $2: only those that are due; $3: a site, or null for all; $4: at most so many.
select site, post_id, state, due_at, last_read_at, last_outcome, failures, state_reason, author, url
from posts
where ($1::text is null or state = $1)
  and (not $2 or (state = 'followed' and due_at <= now()))
  and ($3::text is null or site = $3)
order by due_at, id
limit $4
