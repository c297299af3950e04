-- $2: so many workers may die at a page; then it is held, with $3 as the reason, and nobody's task any more.
update posts
set worker_deaths = worker_deaths + 1,
    state = case when worker_deaths + 1 >= $2 then 'held' else state end,
    state_reason = case when worker_deaths + 1 >= $2 then $3 else state_reason end,
    task = case when worker_deaths + 1 >= $2 then null else task end
where id = $1
returning url, state = 'held' as is_held
