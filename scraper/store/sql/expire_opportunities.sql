update opportunities set state = 'expired', closed_at = clock_timestamp()
where state in ('open', 'drafted') and expires_at <= clock_timestamp()
returning id
