select exists (select from tasks where worker = $1 and state = 'open' and at_post is not null) as has_open_page
