"""What is wrong with a job, told from how it has been doing. Pure.

- `stale`: it has not ended well for too long
- `no_rows`: it ends well, has opened pages, and has written nothing for too long
- `overdue`: posts have been due for too long; only of the job that reads them
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from jobs.job import Job
from scraper.store.alarms import Health, Overdue

OVERDUE_AFTER: Final = timedelta(hours=3)
EMPTY_RUNS: Final = 3
"""So many runs in a row that opened pages and wrote nothing: where pages give rows it takes no day to see what that
means."""
EMPTY_PAGES: Final = 10


def alarms(job: Job, health: Health, overdue: Overdue | None = None) -> dict[str, str]:
    """What is wrong with `job`, in words, by kind of alarm."""
    found: dict[str, str] = {}
    since = health.since
    if since is None:
        return found
    if job.stale_after is not None:
        quiet = health.now - (health.last_good_at or since)
        if quiet > job.stale_after:
            found["stale"] = f"it has not ended well {_since(health.last_good_at)}, for {_words(quiet)}"
    if job.quiet_after is not None and health.empty_pages:
        quiet = health.now - (health.last_rows_at or since)
        is_long = health.empty_runs >= EMPTY_RUNS and health.empty_pages >= EMPTY_PAGES
        is_sudden = job.pages_give_rows and is_long
        if quiet > job.quiet_after or is_sudden:
            found["no_rows"] = (
                f"it says success, has opened {health.empty_pages} pages in {health.empty_runs} runs, and has "
                f"written nothing {_since(health.last_rows_at)}, for {_words(quiet)}"
            )
    if overdue is not None and overdue.posts and overdue.seconds > OVERDUE_AFTER.total_seconds():
        found["overdue"] = (
            f"{overdue.posts} posts should have been read by now, the first of them "
            f"{_words(timedelta(seconds=overdue.seconds))} ago"
        )
    return found


def _since(moment: datetime | None) -> str:
    return f"since {moment:%Y-%m-%d %H:%M} UTC" if moment else "ever"


def _words(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    return f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
