"""Workers as processes of their own, a run that they share, and whether the database then has what is true."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from bench.environments import ROOT
from bench.lane import RUN_SECONDS, Lane
from bench.micro.figures import NotMeasurable
from jobs.metrics_scraper import NAME
from jobs.queue import Queue
from scraper.store import runs
from scraper.store.database import Database

START_SECONDS = 60.0
END_SECONDS = 60.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Shared:
    """A run that is over. `seconds` are by the database's clock. `posts` were due, `once` have exactly one snapshot.

    `snapshots` is how many there are in all, and `claimed` how many posts a task still holds.
    """

    status: str
    reason: str | None
    seconds: float
    posts: int
    once: int
    snapshots: int
    claimed: int

    @property
    def is_true(self) -> bool:
        """Whether every post was read once, none lost and none doubled."""
        return self.posts == self.once == self.snapshots and self.claimed == 0 and self.status == "success"


@contextlib.asynccontextmanager
async def crew(lane: Lane, workers: int) -> AsyncIterator[list[Process]]:
    """So many workers, ready for what is asked of them; they are told to stop at the end, and have ended then."""
    async with contextlib.AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(_process(lane)) for _ in range(workers)]
        for process in processes:
            await _ready(process)
        yield processes


async def ask(database: Database) -> UUID:
    """Ask whoever is at work for a run. Returns the ticket that its report is had for."""
    ticket = uuid4()
    async with Queue(database) as queue, database.connection() as connection, connection.transaction():
        await queue.ask_for_run(connection, NAME, ticket)
    return ticket


async def is_over(database: Database, ticket: UUID) -> bool:
    """Whether the run is."""
    return await runs.report(database, ticket) is not None


async def over(database: Database, ticket: UUID, *, seconds: float = RUN_SECONDS) -> Shared:
    """Wait until the run is over and compare the database with the truth: every post one snapshot."""
    async with asyncio.timeout(seconds):
        while not await is_over(database, ticket):  # noqa: ASYNC110 another process has no event to wait for
            await asyncio.sleep(LOOK_SECONDS)
    report = await runs.report(database, ticket)
    counted = await database.pool.fetchrow(
        "select count(*) as posts, count(*) filter (where n = 1) as once, coalesce(sum(n), 0)::bigint as snapshots,"
        " count(task) as claimed from posts left join"
        " (select post, count(*) as n from snapshots group by post) s on s.post = posts.id",
        timeout=END_SECONDS,
    )
    if report is None or counted is None:
        raise RuntimeError("a run that was over is gone")
    return Shared(report["status"], report["reason"], report["seconds"], **counted)


def must_be_true(shared: Shared) -> Shared:
    """The run, if the database has what is true. Raises `NotMeasurable`."""
    if not shared.is_true:
        raise NotMeasurable(f"not every post was read once: {shared}")
    return shared


@contextlib.asynccontextmanager
async def _process(lane: Lane) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(*lane.command, cwd=ROOT, stdout=PIPE)
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    with contextlib.suppress(TimeoutError, ProcessLookupError):
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _ready(process: Process) -> None:
    if process.stdout is None:
        raise RuntimeError("a worker was started without stdout")
    async with asyncio.timeout(START_SECONDS):
        if not await process.stdout.readline():
            raise NotMeasurable("a worker ended without a word; what it wrote to stderr says why")
