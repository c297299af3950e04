-- One that is over for a person (answered, rejected) stays over; one that has only expired is open again.
insert into opportunities (site, post_id, url, author, text, posted_at, likes, replies, views,
                           score, tier, because, target, run, expires_at, lang)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, clock_timestamp() + $15::interval, $16)
on conflict (site, post_id) do update
set likes = coalesce(excluded.likes, opportunities.likes),
    replies = coalesce(excluded.replies, opportunities.replies),
    views = coalesce(excluded.views, opportunities.views),
    score = excluded.score,
    tier = excluded.tier,
    because = excluded.because,
    run = excluded.run,
    refreshed_at = clock_timestamp(),
    expires_at = excluded.expires_at,
    state = case when opportunities.state = 'expired' then 'open' else opportunities.state end,
    closed_at = case when opportunities.state = 'expired' then null else opportunities.closed_at end
where opportunities.state in ('open', 'drafted', 'expired')
returning id, (xmax = 0) as is_new
