update planned_posts set state = 'expired' where state = 'waiting' and expires_at <= clock_timestamp() returning id
