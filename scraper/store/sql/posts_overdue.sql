select count(*)::integer as posts, coalesce(extract(epoch from clock_timestamp() - min(due_at)), 0)::float8 as seconds
from posts
where state = 'followed' and due_at < clock_timestamp() - make_interval(secs => $1)
