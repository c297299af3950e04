-- One that is known keeps its turn, and is watched as before where $3 is null. One that was held has another chance.
insert into targets (site, url, is_watched) values ($1, $2, coalesce($3, false))
on conflict (url) do update
set site = excluded.site,
    is_watched = coalesce($3, targets.is_watched),
    failures = case when targets.held_reason is null then targets.failures else 0 end,
    worker_deaths = case when targets.held_reason is null then targets.worker_deaths else 0 end,
    held_reason = null
returning (xmax = 0) as is_new
