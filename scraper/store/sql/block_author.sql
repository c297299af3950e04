insert into blocked_authors (site, author) values ($1, $2) on conflict do nothing returning author
