-- A post that was removed meanwhile, or is being removed just now, is no page that can be to blame.
update tasks set at_post = (select id from posts where id = $2 for key share)
where id = $1 and state = 'open'
returning id
