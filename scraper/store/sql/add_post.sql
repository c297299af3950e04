-- One that was paused, given up or held is followed and due again; any other keeps its turn.
insert into posts (site, post_id, url)
values ($1, $2, $3)
on conflict (site, post_id) do update
set url = excluded.url,
    due_at = case when posts.state <> 'followed' then clock_timestamp() else posts.due_at end,
    failures = case when posts.state <> 'followed' then 0 else posts.failures end,
    same_outcomes = case when posts.state <> 'followed' then 0 else posts.same_outcomes end,
    worker_deaths = case when posts.state <> 'followed' then 0 else posts.worker_deaths end,
    state = 'followed',
    state_reason = null
returning id, (xmax = 0) as is_new
