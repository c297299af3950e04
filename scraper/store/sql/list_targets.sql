-- $1: a site, or null for all; $2: at most so many.
select site, is_watched, is_harvested, due_at, last_harvested_at, last_outcome, failures, held_reason, url
from targets
where $1::text is null or site = $1
order by due_at, id
limit $2
