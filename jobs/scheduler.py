"""The scheduler: asks for runs when they are due, sees to what dead workers left, and raises alarms.

Any number of processes may have one. A schedule is advanced in the same transaction that asks for the run, and its
time is told by the database's clock: whoever is first asks, for everybody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import uuid4

import structlog

from jobs.alarms import OVERDUE_AFTER, alarms
from jobs.job import Job
from jobs.manager import JobManager, still_going
from jobs.queue import Queue
from scraper.store import alarms as alarm_store
from scraper.store import runs, schedules
from scraper.store.database import Database
from scraper.store.locks import try_lock
from scraper.store.patience import is_database_trouble

log = structlog.get_logger()

TICK_SECONDS: Final = 1.0
MOST_PAUSE_SECONDS: Final = 16.0
SWEEP_TICKS: Final = 10
ALARM_TICKS: Final = 60


class Scheduler:
    """The schedules of `jobs`. `reads_posts` is the job whose posts may be overdue."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        manager: JobManager,
        jobs: Sequence[Job],
        *,
        worker: str,
        reads_posts: str = "metrics_scraper",
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._queue = queue
        self._manager = manager
        self._jobs: Mapping[str, Job] = {job.name: job for job in jobs}
        self._worker = worker
        self._reads_posts = reads_posts
        self._chance = chance

    async def run(self, stopping: asyncio.Event) -> None:
        """Tick until `stopping` is set. A database that is gone is waited for."""
        is_declared, ticks, failures = False, 0, 0
        while not stopping.is_set():
            try:
                if not is_declared:
                    await self.declare()
                    is_declared = True
                await self.tick()
                if ticks % SWEEP_TICKS == 0:
                    await self._manager.sweep()
                if ticks % ALARM_TICKS == 0:
                    if ticks:
                        await self.declare_again()
                    await self.look()
                    await self._queue.forget_log()
                failures = 0
            except Exception as error:  # noqa: BLE001 it is logged, and tried again
                # A schedule that stops is worse than one that is late; what is wrong is in the log each time.
                tell = log.warning if is_database_trouble(error) else log.exception
                tell("scheduler.failed", error=f"{type(error).__name__}: {error}")
                failures += 1
            ticks += 1
            try:
                async with asyncio.timeout(min(TICK_SECONDS * 2**failures, MOST_PAUSE_SECONDS)):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def declare(self) -> None:
        """Write down the schedules of the jobs; one that has changed begins anew."""
        scheduled = {name: job.schedule for name, job in self._jobs.items() if job.schedule is not None}
        for name, schedule in scheduled.items():
            await schedules.declare(self._database, name, str(schedule), schedule.first)
        await schedules.forget_others(self._database, list(scheduled), list(self._jobs))

    async def declare_again(self) -> None:
        """Write down what another worker, for which it is off, has taken out since."""
        for name, job in self._jobs.items():
            if job.schedule is not None:
                await schedules.declare(self._database, name, str(job.schedule), job.schedule.first)

    async def tick(self) -> list[str]:
        """Ask for the runs that are due. Returns of which jobs."""
        asked = []
        async with self._database.connection() as connection, connection.transaction():
            for row in await schedules.due(connection, list(self._jobs)):
                name, schedule = row["job"], self._jobs[row["job"]].schedule
                if schedule is None:
                    continue
                ticket = uuid4()
                if await self._queue.ask_for_run(connection, name, ticket, key=f"run:{name}"):
                    asked.append(name)
                else:
                    going = await runs.open_run(self._database, name)
                    waits = "the run asked for before has not begun yet: no worker is free"
                    reason = waits if going is None else still_going(going)
                    log.warning("job.skipped", job=name, reason=reason)
                    await runs.skip_in(connection, name, ticket, reason, worker=self._worker)
                await schedules.advance(connection, name, schedule.following(row["now"], self._chance()))
        return asked

    async def look(self) -> None:
        """Raise the alarms that there is reason for, and clear the others. One process at a time does."""
        async with try_lock(self._database, "alarms", "look") as is_mine:
            if not is_mine:
                return
            resting = await self._resting()
            for name, job in self._jobs.items():
                if name in resting:
                    # Nobody expects anything of it.
                    await alarm_store.tell(self._database, name, {})
                    continue
                overdue = None
                if name == self._reads_posts:
                    overdue = await alarm_store.overdue(self._database, seconds=OVERDUE_AFTER.total_seconds())
                says = alarms(job, await alarm_store.health(self._database, name), overdue)
                await alarm_store.tell(self._database, name, says)

    async def _resting(self) -> set[str]:
        """Jobs that are off, or paused."""
        going = {row["job"] for row in await schedules.every(self._database) if row["paused_at"] is None}
        return set(self._jobs) - going
