delete from blocked_authors where site = $1 and author = $2 returning author
