-- What a watched target shows is followed; one that is known, paused or given up stays as it is.
insert into posts (site, post_id, url) values ($1, $2, $3) on conflict (site, post_id) do nothing
