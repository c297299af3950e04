-- Of the days on which there was anything to read; a day on which a site had already drifted is outweighed by others.
select layout, kind, field, sum(posts)::bigint as posts, sum(found)::bigint as found,
       max(day) filter (where found > 0) as last_found_on
from field_yields
where site = $1 and day > current_date - $2::integer
group by layout, kind, field
