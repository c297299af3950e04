-- From $1 to $2; no row comes back if somebody else has moved it.
insert into learnt as l (one, up_to) select true, $2 where $1 = 0 or exists (select from learnt)
on conflict (one) do update set up_to = excluded.up_to where l.up_to = $1
returning up_to
