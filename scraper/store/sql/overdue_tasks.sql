-- What nobody is at although the deadline of its run is over.
select t.id
from tasks t join job_runs r on r.id = t.run
where t.state = 'open' and t.worker is null and r.deadline_at < clock_timestamp()
for update of t skip locked
