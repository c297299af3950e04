-- A post that was paused is due again; any other keeps its turn.
insert into posts (site, post_id, url)
values ($1, $2, $3)
on conflict (site, post_id) do update
set url = excluded.url,
    due_at = case when posts.due_at = 'infinity' then now() else posts.due_at end
returning id, (xmax = 0) as is_new
