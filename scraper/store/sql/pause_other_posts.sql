-- Posts of $1 that are not among $2 are never due, until they are followed again.
update posts set state = 'paused' where site = $1 and state = 'followed' and not (post_id = any ($2::text[])) returning id
