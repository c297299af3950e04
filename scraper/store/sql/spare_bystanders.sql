-- A worker died ($1). If a page was open in it, that is what counts: of the tasks that had none open nothing is told.
-- $2: the task that is just being begun.
update tasks
set worker = null
where id in (
    select id from tasks
    where worker = $1 and state = 'open' and at_post is null and id <> $2
      and exists (select from tasks where worker = $1 and state = 'open' and at_post is not null)
    for update skip locked
)
returning id
