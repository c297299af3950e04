update drafts
set posted_at = clock_timestamp(), posted_url = $2
where id = $1 and state = 'approved' and posted_at is null
returning id
