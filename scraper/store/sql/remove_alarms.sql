delete from alarms where id in (
    select id from alarms where cleared_at < clock_timestamp() - $1::interval order by id limit $2
)
returning id
