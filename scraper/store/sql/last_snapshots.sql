select distinct on (post) post, taken_at, views, likes, reposts, replies, bookmarks, score
from snapshots
where post = any ($1::bigint[])
order by post, taken_at desc, id desc
