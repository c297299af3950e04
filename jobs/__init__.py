"""jobs: what runs, when, and for how long.

- `job`: what a job is, and what a run of one comes to
- `schedule`: when it runs
- `manager`: JobManager, which begins runs, splits them into tasks and closes them, or says why not
- `task_runner`: does a task; `room`: several at a time, or one alone
- `queue`: hands out runs and tasks to workers, on any number of machines
- `scheduler`: asks for runs when they are due, and sees to what dead workers left
- `worker`: all of that in one process, which comes to an end in order
- `alarms`: what is wrong with a job
- `metrics_scraper`: reads posts that are due and appends snapshots
- `reply_harvester`: goes through targets and keeps what is worth a reply
- `scoring`: which conversations those are
- `learn`: learns from what people approved and rejected which generators write best
- `plan`, `reply`: draft posts and replies, which wait for a person
- `generators`: what writes them: templates, an endpoint, plug-ins
- `maintenance`: expires and removes what is old
"""

from jobs.job import Ending, Job, JobReport, Overlap, PutOff, Retry, Run, Status
from jobs.manager import JobManager
from jobs.metrics_scraper import MetricsScraper
from jobs.reply_harvester import ReplyHarvester
from jobs.schedule import BadSchedule, Schedule
from jobs.scoring import ScoringPolicy, Tier, opportunity
from jobs.worker import Worker

__all__ = [
    "BadSchedule",
    "Ending",
    "Job",
    "JobManager",
    "JobReport",
    "MetricsScraper",
    "Overlap",
    "PutOff",
    "ReplyHarvester",
    "Retry",
    "Run",
    "Schedule",
    "ScoringPolicy",
    "Status",
    "Tier",
    "Worker",
    "opportunity",
]
