update tasks set at_post = $2 where id = $1 and state = 'open' returning id
