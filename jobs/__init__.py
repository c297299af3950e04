"""jobs: what runs, when, and for how long.

- `job`: what a job is, and what a run of one comes to
- `manager`: JobManager, which runs one or says why not
- `metrics_scraper`: reads posts that are due and appends snapshots
- `reply_harvester`: goes through targets and keeps what is worth a reply
- `scoring`: which conversations those are
"""

from jobs.job import Ending, Job, JobReport, Run, Status
from jobs.manager import JobManager
from jobs.metrics_scraper import MetricsScraper
from jobs.reply_harvester import ReplyHarvester
from jobs.scoring import ScoringPolicy, Tier, opportunity

__all__ = [
    "Ending",
    "Job",
    "JobManager",
    "JobReport",
    "MetricsScraper",
    "ReplyHarvester",
    "Run",
    "ScoringPolicy",
    "Status",
    "Tier",
    "opportunity",
]
