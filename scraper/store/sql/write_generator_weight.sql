insert into generator_weights (kind, generator, arm, alpha, beta, as_of, run) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (kind, generator, arm) do update
set alpha = excluded.alpha, beta = excluded.beta, as_of = excluded.as_of, run = excluded.run
returning arm
