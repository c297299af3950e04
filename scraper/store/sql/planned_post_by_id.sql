select id, state, topic, text, written, generator, arm, made_at, expires_at, decided_at, decided_by, note, posted_at,
       posted_url
from planned_posts
where id = $1
