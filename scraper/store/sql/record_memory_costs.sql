insert into memory_costs (name, observations) values ($1, $2)
on conflict (name) do update set observations = excluded.observations, updated_at = now()
returning name
