delete from tasks where id in (
    select id from tasks where state <> 'open' and finished_at < clock_timestamp() - $1::interval order by id limit $2
)
returning id
