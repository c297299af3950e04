select id, text from planned_posts where id > $1 order by id limit $2
