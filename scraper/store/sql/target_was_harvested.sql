update targets set last_harvested_at = now(), last_outcome = $2 where id = $1 returning id
