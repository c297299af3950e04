update schedules set paused_at = case when $2::boolean then clock_timestamp() end where job = $1 and rule <> 'never' returning job
