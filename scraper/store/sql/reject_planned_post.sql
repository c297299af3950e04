-- What was approved can still be rejected, until it is posted.
update planned_posts
set state = 'rejected', decided_at = clock_timestamp(), decided_by = $2, note = $3
where id = $1 and state in ('waiting', 'approved') and posted_at is null
returning id, generator, arm
