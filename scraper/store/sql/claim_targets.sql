update targets set task = $1 where id = any ($2::bigint[]) and task is null and held_reason is null returning id
