select job, kind, says, raised_at, seen_at from alarms where cleared_at is null order by raised_at
