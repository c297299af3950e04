update tasks
set state = $2, ending = $3, reason = $4, peak_bytes = greatest(peak_bytes, $5), worker = null, at_post = null,
    finished_at = clock_timestamp()
where id = $1 and state = 'open'
returning run
