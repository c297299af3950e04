-- What became of the conversation that draft $1 answers; 'open': another draft may be made for it.
update opportunities
set state = $2,
    closed_at = case when $2 = 'open' then null else clock_timestamp() end
where id = (select opportunity from drafts where id = $1)
returning id
