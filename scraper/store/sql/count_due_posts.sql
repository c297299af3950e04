select count(*) as due
from posts
where state = 'followed' and task is null and due_at <= $1 and ($2::text is null or site = $2)
