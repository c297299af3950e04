insert into verdicts (kind, subject, generator, arm, is_success) values ($1, $2, $3, $4, $5)
on conflict (kind, subject) do nothing
