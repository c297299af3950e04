"""Jobs without a browser: a machine with so much memory, and workers whose queue is dealt with by hand, or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from jobs import Ending, Job, JobManager, JobReport, Run, Status, Worker
from jobs.queue import Queue
from memory import Bound, MemoryGuard, MemoryMonitor, MemorySource, Reading
from scraper.drift import Place, Yield
from scraper.store import yields
from scraper.store.database import Database
from scraper.store.patience import is_database_trouble
from scraper.store.tasks import NewTask

MIB = 1 << 20
PATIENCE_SECONDS = 150.0
"""Long enough for any machine: what takes this long hangs."""


class Box(MemorySource):
    """A machine with 512 MiB, of which `used_mb` are taken."""

    used_mb = 100

    def read(self) -> Reading:
        bounds = (Bound("cgroup v2", "/box", 512 * MIB, self.used_mb * MIB),)
        return Reading(super().read().at_seconds, bounds, None, 0)


def guard_of(box: Box) -> MemoryGuard:
    """A guard that goes by `box`."""
    return MemoryGuard(MemoryMonitor(box))


async def fine(_: Run) -> Ending:
    """Work that is done at once."""
    return Ending(Status.SUCCESS)


async def reads(database: Database, run: Run, read: dict[Place, Yield]) -> None:
    """What a task says that it has read."""
    async with database.connection() as connection:
        await yields.add_to_task(connection, run.task, read)


async def parts(count: int) -> AsyncIterator[Sequence[NewTask]]:
    """So many tasks, two at a time."""
    for start in range(0, count, 2):
        yield [NewTask({"part": part}) for part in range(start, min(start + 2, count))]


@asynccontextmanager
async def empty_queue(database: Database) -> AsyncIterator[Queue]:
    """The queue of a database, without what another test has left in it."""
    async with Queue(database) as queue:
        await database.pool.execute("truncate pgqueuer, pgqueuer_log")
        yield queue


class Hand:
    """A worker whose queue is dealt with by hand: `begin` a run, `perform` its tasks, one after another."""

    def __init__(self, database: Database, queue: Queue, box: Box, *jobs: Job, worker: str = "a") -> None:
        self.database = database
        self.manager = JobManager(database, guard_of(box), queue, jobs, worker=worker, wait_seconds=0)

    async def begin(self, job: str = "tidy", ticket: UUID | None = None) -> UUID:
        """Begin a run, or skip it."""
        ticket = ticket or uuid4()
        assert await self.manager.begin(job, ticket) is None
        return ticket

    async def open_tasks(self) -> list[int]:
        """What is to be done."""
        rows = await self.database.pool.fetch("select id from tasks where state = 'open' order by id")
        return [row["id"] for row in rows]

    async def perform_all(self) -> None:
        """Do each open task once."""
        for number in await self.open_tasks():
            await self.manager.tasks.perform(number)

    async def report(self, ticket: UUID) -> JobReport:
        """Of a run that is over."""
        report = await self.manager.report(ticket)
        assert report is not None
        return report

    async def run(self, job: str = "tidy") -> JobReport:
        """A run from its beginning to its end, in which nothing is tried again."""
        ticket = await self.begin(job)
        await self.perform_all()
        return await self.report(ticket)

    async def task(self, number: int = 1) -> dict[str, Any]:
        """The row of a task."""
        row = await self.database.pool.fetchrow("select * from tasks where id = $1", number)
        assert row is not None
        return dict(row)


@asynccontextmanager
async def serving(
    database: Database, *jobs: Job, workers: int = 1, at_once: int = 4, drain_seconds: float = PATIENCE_SECONDS
) -> AsyncIterator[list[Worker]]:
    """Workers that do what they are asked to, without schedules, and drain at the end."""
    stop = asyncio.Event()
    async with empty_queue(database), asyncio.TaskGroup() as group:
        crew = [
            Worker(database, guard_of(Box()), jobs, at_once=at_once, drain_seconds=drain_seconds, wait_seconds=0)
            for _ in range(workers)
        ]
        for worker in crew:
            group.create_task(_serve(worker, stop))
        try:
            yield crew
        finally:
            stop.set()


async def over(worker: Worker, ticket: UUID) -> JobReport:
    """The report of a run, when it is over; a database that is gone meanwhile is waited for."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                report = await worker.manager.report(ticket)
            except Exception as error:
                if not is_database_trouble(error):
                    raise
                report = None
            if report is not None:
                return report
            await asyncio.sleep(0.02)


async def _serve(worker: Worker, stop: asyncio.Event) -> None:
    async with worker:
        await worker.serve(stop, schedules=False)
