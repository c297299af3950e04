-- No row comes back if the conversation is not open any more, or has a draft.
with taken as (
    update opportunities set state = 'drafted'
    where id = $1 and state = 'open' and expires_at > clock_timestamp()
    returning id
)
insert into drafts (opportunity, run, generator, arm, text)
select id, $2, $3, $4, $5 from taken
on conflict do nothing
returning id
