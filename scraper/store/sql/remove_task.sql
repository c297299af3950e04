delete from tasks where id = $1
