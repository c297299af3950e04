-- A draft goes with its conversation. One that was approved stays until it is posted or rejected.
with expired as (
    update drafts d set state = 'expired'
    from opportunities o
    where o.id = d.opportunity and d.state = 'waiting'
      and (o.expires_at <= clock_timestamp() or o.state not in ('open', 'drafted'))
    returning d.id, d.opportunity
), closed as (
    update opportunities set state = 'expired', closed_at = clock_timestamp()
    where id in (select opportunity from expired) and state = 'drafted'
)
select id from expired
