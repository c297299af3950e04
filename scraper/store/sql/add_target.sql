-- One that was held has its turn again; any other keeps it.
insert into targets (site, url, is_watched, is_harvested) values ($1, $2, $3, $4)
on conflict (url) do update
set site = excluded.site,
    is_watched = excluded.is_watched,
    is_harvested = excluded.is_harvested,
    failures = case when targets.held_reason is null then targets.failures else 0 end,
    held_reason = null
returning id, (xmax = 0) as is_new
