-- Conversations that a reply may be drafted for, the best first. A day is a day of UTC.
select o.id, o.site, o.post_id, o.url, o.author, o.text, o.lang, o.posted_at, o.likes, o.replies, o.views,
       o.score, o.tier, o.because, o.refreshed_at, o.expires_at, today.of_author,
       (select count(*) from drafts d where d.opportunity = o.id) as earlier_drafts
from opportunities o
cross join lateral (
    select count(*) as of_author
    from drafts d join opportunities other on other.id = d.opportunity
    where other.site = o.site and other.author = o.author
      and d.made_at >= date_trunc('day', clock_timestamp(), 'UTC')
) today
where o.state = 'open'
  and o.expires_at > clock_timestamp()
  and o.text is not null
  and today.of_author < $2
  and not exists (
      select from blocked_authors b where b.site = o.site and lower(b.author) = lower(o.author)
  )
  and not exists (select from drafts d where d.opportunity = o.id and d.state in ('waiting', 'approved'))
order by o.score desc, o.id
limit $1
