-- The alarms of $1 that are not among the kinds $2 any more.
update alarms set cleared_at = clock_timestamp()
where cleared_at is null and job = $1 and not (kind = any ($2::text[]))
returning kind, says
