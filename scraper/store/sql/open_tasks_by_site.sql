select payload ->> 'site' as site, count(*)::integer as tasks
from tasks
where run = $1 and state = 'open' and payload ? 'site'
group by 1
