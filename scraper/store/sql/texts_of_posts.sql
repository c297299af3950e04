-- The latest first.
select id, text from posts where id < $1 and text is not null order by id desc limit $2
