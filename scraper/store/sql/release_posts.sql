update posts set task = null where task = $1
