select count(*)::integer as tasks from tasks where run = $1 and state = 'open'
