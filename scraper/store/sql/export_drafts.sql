-- Each draft with the conversation that it is for. $1: the id of the last row seen; $2: rows a page; $3: since when,
-- or null; $4: a site, or null for all.
select d.id, o.site, o.post_id, o.url, o.author, d.opportunity, d.run, d.generator, d.arm, d.text, d.written,
       d.state, d.made_at, d.decided_at, d.decided_by, d.note, d.posted_at, d.posted_url
from drafts d
join opportunities o on o.id = d.opportunity
where d.id > $1
  and ($3::timestamptz is null or d.made_at >= $3 or d.decided_at >= $3)
  and ($4::text is null or o.site = $4)
order by d.id
limit $2
