select text from planned_posts order by id desc limit $1
