-- How many were drafted since midnight UTC: in all, and for the author of opportunity $1 (0 where that is unknown).
select count(*) as drafts,
       count(*) filter (
           where o.site = this.site and o.author = this.author
       ) as of_author
from drafts d
join opportunities o on o.id = d.opportunity
left join opportunities this on this.id = $1
where d.made_at >= date_trunc('day', clock_timestamp(), 'UTC')
