-- How pages turned out since $1, by site, in stretches of $2, the oldest first.
select date_bin($2::interval, at, $1) as from_at, site, outcome, count(*)::integer as pages
from page_outcomes
where at >= $1
group by 1, 2, 3
order by 1, 2, 3
