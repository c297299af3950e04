insert into page_outcomes (run, site, url, post, outcome, reason, seconds, evidence)
values ($1, $2, $3, $4, $5, $6, $7, $8)
