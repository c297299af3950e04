insert into snapshots (post, run, due_at, views, likes, reposts, replies, bookmarks, score,
                       approximate, sources, warnings, layout)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
returning id
