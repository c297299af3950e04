select component, name, ending, count(*) as times, max(at) as last_at,
       (array_agg(reason order by id desc))[1] as last_reason
from memory_skips
where at >= $1
group by component, name, ending
order by times desc, name
