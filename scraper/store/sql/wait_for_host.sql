select greatest(0, extract(epoch from greatest(next_turn_at, quiet_until) - clock_timestamp()))::float8 as wait_seconds
from hosts where host = $1
