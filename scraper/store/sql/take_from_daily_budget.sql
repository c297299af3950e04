-- One request and $2 tokens, of the $3 requests and $4 tokens that a day has; no row comes back if they are not left.
insert into generator_spending as s (generator, day, requests, tokens)
select $1, (clock_timestamp() at time zone 'UTC')::date, 1, $2::bigint
where 1 <= $3::integer and $2::bigint <= $4::bigint
on conflict (generator, day) do update
set requests = s.requests + 1, tokens = s.tokens + excluded.tokens
where s.requests + 1 <= $3::integer and s.tokens + excluded.tokens <= $4::bigint
returning day
