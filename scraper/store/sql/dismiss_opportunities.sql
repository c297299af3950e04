-- A person wants nothing of these; one that has a draft is decided on with its draft.
update opportunities
set state = 'rejected', closed_at = clock_timestamp()
where id = any ($1::bigint[]) and state in ('open', 'expired')
returning id
