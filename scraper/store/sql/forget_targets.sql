delete from targets where site = $1 returning id
