-- What a run has read, field by field, over all of its tasks.
select y.site, y.layout, y.kind, y.field,
       sum(y.posts)::bigint as posts, sum(y.found)::bigint as found, sum(y.pages)::bigint as pages
from tasks, jsonb_to_recordset(yields) as y(site text, layout text, kind text, field text,
                                            posts bigint, found bigint, pages bigint)
where run = $1
group by y.site, y.layout, y.kind, y.field
