insert into targets (site, url) values ($1, $2) on conflict (url) do update set site = excluded.site returning id
