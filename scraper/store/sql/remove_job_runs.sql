-- A run stays as long as there is something that it wrote.
delete from job_runs where id in (
    select r.id from job_runs r
    where r.status <> 'running' and r.finished_at < clock_timestamp() - $1::interval
      and not exists (select from snapshots where run = r.id)
      and not exists (select from page_outcomes where run = r.id)
      and not exists (select from opportunities where run = r.id)
      and not exists (select from drafts where run = r.id)
      and not exists (select from planned_posts where run = r.id)
      and not exists (select from generator_weights where run = r.id)
    order by r.id limit $2
)
returning id
