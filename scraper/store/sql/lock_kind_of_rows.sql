-- Until the end of the transaction: whoever adds such rows waits for whoever is adding some.
select pg_advisory_xact_lock(hashtext('rows'), hashtext($1))
