update posts set task = $1 where id = any ($2::bigint[]) and task is null and state = 'followed' returning id
