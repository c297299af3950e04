select author from blocked_authors where site = $1
