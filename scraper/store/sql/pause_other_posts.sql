-- Posts of $1 that are not among $2 are never due, until they are followed again.
update posts set due_at = 'infinity' where site = $1 and not (post_id = any ($2::text[])) returning id
