-- One that was held has its turn again; any other keeps it, and what is null of $3 and $4 stays as it was.
insert into targets (site, url, is_watched, is_harvested) values ($1, $2, coalesce($3, false), coalesce($4, true))
on conflict (url) do update
set site = excluded.site,
    is_watched = coalesce($3, targets.is_watched),
    is_harvested = coalesce($4, targets.is_harvested),
    failures = case when targets.held_reason is null then targets.failures else 0 end,
    worker_deaths = case when targets.held_reason is null then targets.worker_deaths else 0 end,
    held_reason = null
returning id, (xmax = 0) as is_new
