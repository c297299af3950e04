update targets set held_reason = $2, task = null where task = $1
