select coalesce(sum(requests), 0)::bigint as requests, coalesce(sum(tokens), 0)::bigint as tokens
from generator_spending
where generator = $1 and day = (clock_timestamp() at time zone 'UTC')::date
