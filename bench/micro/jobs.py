"""What the jobs do: how fast a run is planned, four workers beside one, orphans taken up, and what a worker holds.

Workers are processes of their own, as on machines of their own; here they share the cores with Postgres. Their pages
are simulated, all else is the program's: see `bench.lane`. After each run the database is compared with the truth.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from bench.lane import Lane, SimulatedScraper
from bench.micro.crew import Shared, ask, crew, is_over, must_be_true, over
from bench.micro.figures import Figure, NotMeasurable
from bench.micro.server import scratch_server
from bench.simulated import fill
from jobs import JobManager
from jobs.metrics_scraper import PAGES_A_TASK
from jobs.queue import Queue
from memory import MemoryGuard
from memory.processes import own_bytes
from scraper.store.database import Database

PLANNED_POSTS = 20_000
PAGE_SECONDS = 0.2
PAGES = 400
FEW, MANY = 1, 4
ROUNDS = 3
ORPHAN_PAGES = 60
ORPHAN_SECONDS = 120.0
LONG_RUN_POSTS = 200_000
CONTEXTS = 8
LOOK_SECONDS = 0.5
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LongRun:
    """A run over many posts by one worker; `held` is what that held, each time with how many posts were done."""

    shared: Shared
    held: tuple[tuple[int, int], ...]

    def held_bytes(self, posts: int) -> int:
        """What the worker held when so many posts were done."""
        return next(held for done, held in self.held if done >= posts)


async def planning(*, posts: int = PLANNED_POSTS) -> list[Figure]:
    """A run split into tasks while nobody does them. Raises `DatabaseUnavailable` where no Postgres can be had."""
    async with _empty_database() as database:
        await _fill(database, posts)
        seconds = await plan(database)
        tasks = int(await database.pool.fetchval("select count(*) from tasks"))
    note = f"{posts:,} posts of one site; {posts / tasks:.1f} to a task"
    return [Figure("jobs.planned", "posts dealt out to tasks by one worker", "1/s", posts / seconds, note=note)]


async def sharing(*, pages: int = PAGES, page_seconds: float = PAGE_SECONDS) -> list[Figure]:
    """The same pages by one worker and by four. Raises `DatabaseUnavailable`, and `NotMeasurable` for wrong rows."""
    speeds: dict[int, float] = {}
    for workers in (FEW, MANY):
        async with _empty_database() as database:
            shared = must_be_true(await share(database, workers=workers, pages=pages, page_seconds=page_seconds))
        speeds[workers] = pages / shared.seconds
    note = f"{pages} pages of {page_seconds * 1e3:.0f} ms, one at a time in each; from the wish to the last row"
    return [
        *(
            Figure(f"jobs.pages_by_{workers}", f"pages read, workers: {workers}", "1/s", speed, note=note)
            for workers, speed in speeds.items()
        ),
        Figure(
            "jobs.speed_up",
            f"{MANY} workers over {FEW}",
            "times",
            speeds[MANY] / speeds[FEW],
            note="every post has one snapshot",
        ),
    ]


async def orphans(*, rounds: int = ROUNDS) -> list[Figure]:
    """When the task of a worker that was killed is begun again. Raises as `sharing` does."""
    taken: list[float] = []
    for _ in range(rounds):
        async with _empty_database() as database:
            seconds, shared = await orphan(database, pages=ORPHAN_PAGES, page_seconds=PAGE_SECONDS)
        must_be_true(shared)
        taken.append(seconds)
    return [
        Figure(
            "jobs.orphan",
            "from the kill -9 of a worker until another begins its tasks again",
            "s",
            statistics.median(taken),
            max(taken),
            note=f"and the longest of {rounds} rounds; every post has one snapshot",
        )
    ]


async def holding(*, posts: int = LONG_RUN_POSTS) -> list[Figure]:
    """What a worker holds in the course of a long run. Raises as `sharing` does."""
    async with _empty_database() as database:
        run = await long_run(database, posts=posts)
    must_be_true(run.shared)
    early, half, late = (run.held_bytes(done) / MIB for done in (posts // 10, posts // 2, posts))
    fullest = max(held for _, held in run.held) / MIB
    return [
        Figure(
            "jobs.long_run_speed",
            f"posts planned and done by one worker in a run over {posts:,}",
            "1/s",
            posts / run.shared.seconds,
            note="pages that cost nothing, the rows of a task written by one statement",
        ),
        Figure("jobs.held_early", f"that worker when {posts // 10:,} posts were done", "MiB", early),
        Figure("jobs.held_half", f"that worker when {posts // 2:,} were done", "MiB", half),
        Figure(
            "jobs.held_late", f"that worker when {posts:,} were done", "MiB", late, fullest, "and its fullest moment"
        ),
        Figure("jobs.held_growth", "what it held more at the end than half way", "MiB", late - half),
    ]


async def plan(database: Database) -> float:
    """Split a run over all posts that are due into tasks, without waiting for those who do them. Returns seconds."""
    async with MemoryGuard() as guard, Queue(database) as queue:
        job = SimulatedScraper(Lane(database.dsn), database, guard).job
        manager = JobManager(database, guard, queue, [replace(job, tasks_ahead=sys.maxsize)], worker="bench")
        started = time.perf_counter()
        await manager.begin(job.name, uuid4())
        return time.perf_counter() - started


async def share(database: Database, *, workers: int, pages: int, page_seconds: float) -> Shared:
    """So many workers share a run over so many pages. Takes an empty database."""
    await _fill(database, pages)
    async with crew(Lane(database.dsn, page_seconds=page_seconds), workers):
        return await over(database, await ask(database))


async def orphan(database: Database, *, pages: int, page_seconds: float) -> tuple[float, Shared]:
    """Of two workers kill one in the middle of a task. Returns after how long its tasks were begun, and the run.

    In seconds, by the database's clock, until the other has begun the last of them. Takes an empty database. Raises
    TimeoutError if it does not.
    """
    await _fill(database, pages)
    async with crew(Lane(database.dsn, page_seconds=page_seconds), 2) as (victim, _):
        ticket = await ask(database)
        worker = await _reading(database, ticket, victim.pid)
        victim.kill()
        killed_at: datetime = await database.pool.fetchval("select clock_timestamp()")
        await victim.wait()
        lost = await database.pool.fetch("select id from tasks where worker = $1 and state = 'open'", worker)
        seconds = await _begun_again(database, [row["id"] for row in lost], killed_at)
        return seconds, await over(database, ticket)


async def long_run(database: Database, *, posts: int) -> LongRun:
    """One worker does a run over so many posts. Takes an empty database. Raises as `held_now` does."""
    await _fill(database, posts)
    held: list[tuple[int, int]] = []
    async with crew(Lane(database.dsn, contexts=CONTEXTS, at_once=True), 1) as (worker,):
        ticket = await ask(database)
        while not await is_over(database, ticket):
            held.append((await _done(database), _held_now(worker.pid)))
            await asyncio.sleep(LOOK_SECONDS)
        held.append((posts, _held_now(worker.pid)))
        return LongRun(await over(database, ticket), tuple(held))


@asynccontextmanager
async def _empty_database() -> AsyncIterator[Database]:
    async with scratch_server() as server, Database(server.dsn) as database:
        yield database


async def _fill(database: Database, posts: int) -> None:
    """Follow so many posts that are due just now: what is overdue raises an alarm."""
    await fill(database, posts, until=datetime.now(UTC), apart=timedelta(microseconds=1))


async def _reading(database: Database, ticket: UUID, pid: int) -> str:
    """Wait until the worker with this pid has a page open. Returns its name."""
    async with asyncio.timeout(ORPHAN_SECONDS):
        while not await is_over(database, ticket):
            found: str | None = await database.pool.fetchval(
                "select worker from tasks where at_post is not null and split_part(worker, ':', 2) = $1", str(pid)
            )
            if found is not None:
                return found
            await asyncio.sleep(0.02)
    raise NotMeasurable(f"the run was over before worker {pid} came to a page")


async def _begun_again(database: Database, tasks: list[int], killed_at: datetime) -> float:
    """Wait until all of these tasks were begun by another. Returns after how many seconds the last of them was."""
    if not tasks:
        raise NotMeasurable("the worker that was killed had nothing to do")
    async with asyncio.timeout(ORPHAN_SECONDS):
        while True:
            row: Any = await database.pool.fetchrow(
                "select bool_and(started_at > $2) as all_begun,"
                " extract(epoch from max(started_at) - $2)::float8 as seconds"
                " from tasks where id = any ($1::bigint[])",
                *(tasks, killed_at),
            )
            if row["all_begun"]:
                return float(row["seconds"])
            await asyncio.sleep(0.1)


async def _done(database: Database) -> int:
    """About how many posts are done: tasks are in the order of their numbers, and few are open at a time."""
    last = await database.pool.fetchval("select id from tasks where state = 'done' order by id desc limit 1")
    return (last or 0) * PAGES_A_TASK


def _held_now(pid: int) -> int:
    held = own_bytes(pid)
    if held is None:
        raise NotMeasurable("this system does not tell what a process holds")
    return held
