-- The next turn at a host, $2 seconds before the one after it. No row where it would be more than $3 seconds away.
insert into hosts as h (host, next_turn_at)
values ($1, clock_timestamp() + make_interval(secs => $2))
on conflict (host) do update
    set next_turn_at = greatest(h.next_turn_at, h.quiet_until, clock_timestamp()) + make_interval(secs => $2)
    where greatest(h.next_turn_at, h.quiet_until) <= clock_timestamp() + make_interval(secs => $3)
returning greatest(0, extract(epoch from next_turn_at - clock_timestamp()) - $2)::float8 as wait_seconds
