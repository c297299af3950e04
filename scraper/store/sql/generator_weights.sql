select kind, generator, arm, alpha, beta, as_of from generator_weights
where $1::text is null or kind = $1
order by kind, generator, arm
