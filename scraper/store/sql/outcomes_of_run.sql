select outcome, count(*)::integer as pages from page_outcomes where run = $1 group by outcome order by pages desc, outcome
