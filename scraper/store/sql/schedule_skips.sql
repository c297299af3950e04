select skips from schedules where job = $1
