update targets set task = null where task = $1
