insert into page_outcomes (run, site, url, post, outcome, reason, seconds)
values ($1, $2, $3, $4, $5, $6, $7)
