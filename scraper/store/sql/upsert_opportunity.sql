insert into opportunities (site, post_id, url, author, text, posted_at, likes, replies, views,
                           score, tier, because, target, run, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now() + $15::interval)
on conflict (site, post_id) do update
set likes = coalesce(excluded.likes, opportunities.likes),
    replies = coalesce(excluded.replies, opportunities.replies),
    views = coalesce(excluded.views, opportunities.views),
    score = excluded.score,
    tier = excluded.tier,
    because = excluded.because,
    run = excluded.run,
    refreshed_at = now(),
    expires_at = excluded.expires_at
returning id, (xmax = 0) as is_new
