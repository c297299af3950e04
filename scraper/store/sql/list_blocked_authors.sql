-- $1: a site, or null for all; $2: at most so many.
select site, author, added_at
from blocked_authors
where $1::text is null or site = $1
order by site, author
limit $2
