with samples as (delete from memory_samples where at < $1 returning 1),
     runs as (delete from ladder_runs where at < $1 returning 1),
     skips as (delete from memory_skips where at < $1 returning 1)
select (select count(*) from samples) + (select count(*) from runs) + (select count(*) from skips) as rows
