-- Of each field that was read in the last $3 days: the $2 days up to the last one on which it was, in weeks counted back
-- from there. A field that is gone is compared with what there was before, and not with the days since.
with last as (
    select layout, kind, field, max(day) as last_found_on
    from field_yields
    where site = $1 and found > 0 and day > current_date - $3::integer
    group by layout, kind, field
)
select layout, kind, field, last_found_on, sum(posts)::bigint as posts, sum(found)::bigint as found,
       sum(pages)::bigint as pages
from field_yields join last using (layout, kind, field)
where site = $1 and day <= last_found_on and day > last_found_on - $2::integer
group by layout, kind, field, last_found_on, (last_found_on - day) / 7
order by layout, kind, field, (last_found_on - day) / 7
