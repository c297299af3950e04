select alpha, beta, as_of from generator_weights where kind = $1 and generator = $2 and arm = $3
