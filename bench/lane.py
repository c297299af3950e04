"""A worker of the program in a process of its own, whose pages are simulated: `python -m bench.lane TASK`, in JSON.

Queue, manager, scheduler, memory gate and store are the program's, and so is the plan of a run. Only a page is not
opened: it takes a while, and brings what `simulated` says. Ends in order on SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, replace
from typing import Self

from bench.simulated import SITE, page_of
from browser_pool import PoolSettings, UnifiedBrowserPool
from jobs import Ending, Job, MetricsScraper, PutOff, Run, Status, Worker
from memory import MemoryGuard
from scraper.definitions import Definitions
from scraper.store import posts
from scraper.store.database import Database
from scraper.store.memory_history import MemoryHistory
from scraper.store.posts import PageOfPost
from scraper.visit import Visitor
from tidegate.logs import configure_logs
from tidegate.program import tasks_at_once
from tidegate.running import serve_until_stopped

RUN_SECONDS = 3600.0
RECORD_AT_ONCE = """
with own as (select id, due_at from posts where task = $1 for update),
     read as (
         update posts p
         set task = null, last_outcome = 'ok', last_read_at = clock_timestamp(),
             due_at = clock_timestamp() + interval '1 day'
         from own where p.id = own.id
     )
insert into snapshots (post, run, due_at) select id, $2, due_at from own
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """What a worker is told: its database, how many pages it reads at a time, and what a page takes.

    With `at_once` the pages of a task are stored by one statement, which leaves out most of what the store would do.
    """

    dsn: str
    contexts: int = 1
    page_seconds: float = 0.0
    at_once: bool = False

    @property
    def command(self) -> list[str]:
        """How it is started, from the folder of the repository."""
        return [sys.executable, "-m", "bench.lane", json.dumps(asdict(self))]

    @classmethod
    def of(cls, text: str) -> Self:
        """The one that `command` says."""
        return cls(**json.loads(text))


class SimulatedScraper:
    """Plans as the metrics scraper does, and reads pages that are not there, in so many contexts as `lane` has."""

    def __init__(self, lane: Lane, database: Database, guard: MemoryGuard) -> None:
        self._lane = lane
        self._database = database
        self._contexts = asyncio.Semaphore(lane.contexts)
        # Never entered: it has no browser.
        self.pool = UnifiedBrowserPool(PoolSettings(max_contexts=lane.contexts), guard=guard)
        self._planner = MetricsScraper(
            *(database, self.pool, Visitor(), Definitions.builtin(), guard.monitor),
            site=SITE,
            schedule=None,
        )

    @property
    def job(self) -> Job:
        """The metrics scraper, but for the pages."""
        return replace(self._planner.job, work=self.work, deadline_seconds=RUN_SECONDS)

    async def work(self, run: Run) -> Ending:
        """The posts of a task."""
        async with self._contexts:
            if self._lane.at_once:
                async with self._database.connection() as connection:
                    await connection.execute(RECORD_AT_ONCE, run.task, run.number)
            else:
                await self._read(run)
        return Ending(Status.SUCCESS)

    async def _read(self, run: Run) -> None:
        done: list[PageOfPost] = []
        left = await posts.of_task(self._database, run.task)
        for post in left:
            if run.is_stopping():
                break
            await run.mark(post.row)
            await asyncio.sleep(self._lane.page_seconds)
            done.append(page_of(post))
        await run.mark(None)
        await posts.record_pages(self._database, run.number, done, task=run.task)
        if len(done) < len(left):
            raise PutOff("its worker is stopping")


async def serve(lane: Lane, stop: asyncio.Event) -> None:
    """Work until told to stop."""
    async with MemoryGuard() as guard, Database(lane.dsn) as database, MemoryHistory(database, guard):
        scraper = SimulatedScraper(lane, database, guard)
        at_once = tasks_at_once(scraper.pool)
        async with Worker(database, guard, [scraper.job], at_once=at_once) as worker:
            print("ready", flush=True)
            await worker.serve(stop)


if __name__ == "__main__":
    configure_logs(verbose=False, is_terminal=False)
    serve_until_stopped(lambda stop: serve(Lane.of(sys.argv[1]), stop))
