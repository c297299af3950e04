insert into posts (site, post_id, url)
values ($1, $2, $3)
on conflict (site, post_id) do update set url = excluded.url
returning id, (xmax = 0) as is_new
