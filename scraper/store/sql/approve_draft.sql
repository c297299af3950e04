update drafts
set state = 'approved',
    decided_at = clock_timestamp(),
    decided_by = $2,
    written = case when $3::text is null or $3 = text then written else text end,
    text = coalesce($3, text)
where id = $1 and state = 'waiting'
returning id, generator, arm
