select id, kind, generator, arm, is_success, at from verdicts where id > $1 order by id limit $2
