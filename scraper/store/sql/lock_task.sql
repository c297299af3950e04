select id, worker, at_post from tasks where id = $1 and state = 'open' for update
