select d.id, d.state, d.text, d.written, d.generator, d.arm, d.made_at, d.decided_at, d.decided_by, d.note,
       d.posted_at, d.posted_url, o.site, o.url, o.author, o.text as conversation, o.score, o.tier, o.because,
       o.posted_at as conversation_posted_at, o.likes, o.replies, o.views, o.lang, o.state as conversation_state,
       o.expires_at
from drafts d join opportunities o on o.id = d.opportunity
where d.id = $1
