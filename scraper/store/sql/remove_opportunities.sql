-- What was answered stays known, so that nobody answers twice.
delete from opportunities where id in (
    select o.id from opportunities o
    where o.state in ('expired', 'rejected') and o.closed_at < clock_timestamp() - $1::interval
    order by o.id limit $2
)
returning id
