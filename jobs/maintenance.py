"""maintenance: expiry, retention, and what else is due once a day. What people asked to be kept is not touched.

Rows go a batch at a time, each in a transaction of its own, so that no table is locked for long, and a run that is
ended goes on the next day where it stopped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from jobs.job import Ending, Job, Run, Status
from jobs.schedule import Schedule
from scraper.store import opportunities, retention
from scraper.store.database import Database

log = structlog.get_logger()

NAME: Final = "maintenance"
SCHEDULE: Final = Schedule(every=timedelta(days=1), jitter=timedelta(minutes=30))


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept; None: for ever.

    `snapshots` are what all this is for. `history` is runs, tasks, outcomes of pages and alarms, `opportunities`
    those that are over.
    """

    snapshots: timedelta | None = None
    history: timedelta = timedelta(days=30)
    opportunities: timedelta = timedelta(days=90)


class Maintenance:
    """The work of the job."""

    def __init__(
        self, database: Database, *, keep: Retention | None = None, schedule: Schedule | None = SCHEDULE
    ) -> None:
        self._database = database
        self._keep = keep or Retention()
        self._schedule = schedule

    @property
    def job(self) -> Job:
        """The job that does this work."""
        return Job(
            NAME,
            need_mb=8,
            deadline_seconds=3600,
            task_seconds=3000,
            work=self.work,
            is_critical=True,
            priority=-10,
            schedule=self._schedule,
            stale_after=timedelta(days=3),
        )

    async def work(self, run: Run) -> Ending:
        """Close what has expired and remove what is older than it is to be kept."""
        expired = await opportunities.expire(self._database)
        removed: dict[str, int] = {}
        async for what, rows in self._remove(run):
            removed[what] = removed.get(what, 0) + rows
        log.info("maintenance.done", expired=expired, removed=removed)
        told = [f"{rows} {what}" for what, rows in removed.items() if rows]
        return Ending(Status.SUCCESS, f"removed {', '.join(told)}" if told else None)

    async def _remove(self, run: Run) -> AsyncIterator[tuple[str, int]]:
        ages: Mapping[str, timedelta | None] = {
            "snapshots": self._keep.snapshots,
            "page_outcomes": self._keep.history,
            "opportunities": self._keep.opportunities,
            "tasks": self._keep.history,
            "job_runs": self._keep.history,
            "alarms": self._keep.history,
        }
        for what, age in ages.items():
            while age is not None and not run.is_stopping():
                rows = await retention.remove(self._database, what, age)
                yield what, rows
                if rows < retention.ROWS_AT_ONCE:
                    break
