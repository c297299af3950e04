update schedules set next_at = $2, last_at = clock_timestamp() where job = $1
