-- The last one of each post stays, however old.
delete from snapshots where id in (
    select s.id from snapshots s
    where s.taken_at < clock_timestamp() - $1::interval
      and exists (select from snapshots later where later.post = s.post and later.id > s.id)
    order by s.id limit $2
)
returning id
