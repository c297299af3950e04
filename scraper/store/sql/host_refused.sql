-- One more refusal in a row; how long the host is left alone for it is decided by how many there are.
insert into hosts as h (host, next_turn_at, refusals) values ($1, clock_timestamp(), 1)
on conflict (host) do update set refusals = h.refusals + 1
returning refusals
