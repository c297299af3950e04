insert into field_yields (site, layout, kind, field, posts, found, pages)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
on conflict (site, day, layout, kind, field) do update
    set posts = field_yields.posts + excluded.posts,
        found = field_yields.found + excluded.found,
        pages = field_yields.pages + excluded.pages
returning field
