-- Whoever was harvested longest ago comes first, so that none starves.
select id, site, url from targets
where ($2::text is null or site = $2)
order by last_harvested_at nulls first, id
limit $1
