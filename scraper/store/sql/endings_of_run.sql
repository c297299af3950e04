select state, ending, reason, count(*)::integer as tasks
from tasks
where run = $1
group by state, ending, reason
order by tasks desc, state, reason
