-- $2: posts, $3: after how many seconds each may be asked for.
update posts
set task = null, last_outcome = 'rate_limited', due_at = clock_timestamp() + make_interval(secs => w.seconds)
from unnest($2::bigint[], $3::float8[]) as w(post, seconds)
where id = w.post and task = $1
returning id
