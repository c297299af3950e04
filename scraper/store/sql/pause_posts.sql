-- $1: a site; $2: ids of its posts. What is paused already counts as well: it is as was asked.
update posts set state = 'paused', state_reason = 'removed by hand'
where site = $1 and post_id = any ($2::text[])
returning post_id
