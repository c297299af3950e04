delete from page_outcomes where id in (
    select id from page_outcomes where at < clock_timestamp() - $1::interval order by id limit $2
)
returning id
