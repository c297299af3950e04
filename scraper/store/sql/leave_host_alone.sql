update hosts
set quiet_until = greatest(quiet_until, clock_timestamp() + make_interval(secs => $2))
where host = $1
returning greatest(0, extract(epoch from quiet_until - clock_timestamp()))::float8 as wait_seconds
