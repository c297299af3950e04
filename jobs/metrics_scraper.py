"""metrics_scraper: reads the pages of posts that are due and appends a snapshot of each.

Due posts come from the database a page at a time and are dealt out in batches: a batch is what one lease reads, one
page after another in the same warm context. As many workers read as the pool has contexts; memory decides how many of
them hold a lease. Each batch is committed when its lease ends, so what was read is not lost with the process.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from browser_pool import BrowserPoolError, Lease, LeaseRecalled, LeaseRefused, UnifiedBrowserPool
from jobs.drift_watch import DriftWatch
from jobs.job import Ending, Job, Run, Status
from memory import Level, MemoryMonitor
from scraper.definitions import Definitions
from scraper.errors import UnknownSite
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.store import posts as store
from scraper.store.database import Database
from scraper.store.posts import FollowedPost, PageOfPost
from scraper.visit import Visitor

log = structlog.get_logger()

NAME = "metrics_scraper"
ROWS_A_PAGE = 20
PAGES_A_LEASE = 10
LEASE_SECONDS = 180.0
ATTEMPTS = 3
"""So many times a page is tried in another browser or context before its trouble is what it turned out to be."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Posts of one site that one lease reads, and how often that was tried."""

    site: str
    posts: tuple[FollowedPost, ...]
    attempt: int = 1


@dataclass(slots=True)
class _Work:
    """What is still to do. The feeder and the workers of one run share it."""

    run: Run
    batches: asyncio.Queue[Batch]
    drift: DriftWatch
    put_off: int = 0
    why_put_off: str = ""
    stopped_early: str | None = None


@dataclass(frozen=True, slots=True)
class After:
    """What is to do after a lease: read `left` in another one, give `given_up` up, put `put_off` off."""

    left: Batch | None = None
    given_up: FollowedPost | None = None
    put_off: int = 0


def after_lease(batch: Batch, pages_done: int, problem: BrowserPoolError | None) -> After:
    """What is to do when a lease on `batch` has ended with `pages_done` pages read, and perhaps a problem.

    A refusal puts the rest off: it stays due. A lease that was recalled is asked for again. A page that took its
    browser along is tried elsewhere, and given up after `ATTEMPTS`; what stands behind it is read all the same.
    """
    left = batch.posts[pages_done:]
    if not left:
        return After()
    if isinstance(problem, LeaseRefused):
        return After(put_off=len(left))
    if isinstance(problem, LeaseRecalled):
        return After(Batch(batch.site, left, batch.attempt))
    if problem is None or pages_done:
        attempt = 1 if problem is None else 2
        return After(Batch(batch.site, left, attempt))
    if batch.attempt < ATTEMPTS:
        return After(Batch(batch.site, left, batch.attempt + 1))
    return After(Batch(batch.site, left[1:]) if left[1:] else None, given_up=left[0])


def batches(posts: Iterable[FollowedPost], pages_a_lease: int) -> Iterator[Batch]:
    """Deal posts out, in their order, to batches of one site each."""
    by_site: defaultdict[str, list[FollowedPost]] = defaultdict(list)
    for post in posts:
        by_site[post.site].append(post)
    for site, of_site in by_site.items():
        for start in range(0, len(of_site), pages_a_lease):
            yield Batch(site, tuple(of_site[start : start + pages_a_lease]))


class MetricsScraper:
    """The work of the job. `due_within` widens what counts as due: posts that will be due so soon are read now."""

    def __init__(
        self,
        database: Database,
        pool: UnifiedBrowserPool,
        visitor: Visitor,
        definitions: Definitions,
        monitor: MemoryMonitor,
        *,
        site: str | None = None,
        due_within: timedelta = timedelta(0),
    ) -> None:
        self._database = database
        self._pool = pool
        self._visitor = visitor
        self._definitions = definitions
        self._monitor = monitor
        self._site = site
        self._began = datetime.now(UTC)
        self._until = self._began + due_within

    @property
    def job(self) -> Job:
        """The job that does this work."""
        return Job(NAME, need_mb=16, deadline_seconds=1200, work=self.work, is_critical=True)

    async def due(self) -> int:
        """How many posts a run would read."""
        return await store.count_due(self._database, until=self._until, site=self._site)

    async def work(self, run: Run) -> Ending:
        """Read every post that is due."""
        workers = 1 if run.is_small else self._pool.settings.max_contexts
        work = _Work(run, asyncio.Queue(maxsize=workers), DriftWatch(self._database))
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read_batches(work), name=f"{NAME}.reader") for _ in range(workers)]
            await self._feed(work)
            await work.batches.join()
            for reader in readers:
                reader.cancel()
        return _ending(work)

    async def _feed(self, work: _Work) -> None:
        rows = 2 if work.run.is_small else ROWS_A_PAGE
        due = store.due(
            self._database,
            until=self._until,
            not_since=self._began,
            site=self._site,
            rows_a_page=rows,
            monitor=self._monitor,
            is_critical=self.job.is_critical,
        )
        async for page in due:
            for batch in batches(map(store.followed, page), PAGES_A_LEASE):
                await work.batches.put(batch)
        work.stopped_early = due.stopped_early

    async def _read_batches(self, work: _Work) -> None:
        while True:
            batch = await work.batches.get()
            try:
                await self._read_until_done(work, batch)
            finally:
                work.batches.task_done()

    async def _read_until_done(self, work: _Work, batch: Batch) -> None:
        """Read a batch, in as many leases as it takes."""
        left: Batch | None = batch
        while left is not None:
            left = await self._read_in_one_lease(work, left)

    async def _read_in_one_lease(self, work: _Work, batch: Batch) -> Batch | None:
        """Read what one lease allows and commit it. Returns what is left to read, None if nothing is."""
        done: list[PageOfPost] = []
        problem: BrowserPoolError | None = None
        try:
            async with self._pool.lease(site=batch.site, job=NAME, deadline=LEASE_SECONDS) as lease:
                await self._read_pages(work, batch, lease, done)
        except BrowserPoolError as error:
            problem = error
        except UnknownSite as error:
            done += [_unread(post, Outcome.REFUSED_URL, str(error)) for post in batch.posts]
        finally:
            if done:
                await self._record(work, batch, done)
        after = after_lease(batch, len(done), problem)
        if after.put_off:
            work.put_off += after.put_off
            work.why_put_off = str(problem)
        if after.given_up is not None:
            work.run.tell(Outcome.CRASHED)
            crashed = _unread(after.given_up, Outcome.CRASHED, f"it ended its browser {ATTEMPTS} times: {problem}")
            await store.record_pages(self._database, work.run.number, [crashed])
        elif problem is not None and after.left is not None:
            log.warning("page.interrupted", url=after.left.posts[0].url, attempt=batch.attempt, error=str(problem))
        return after.left

    async def _record(self, work: _Work, batch: Batch, done: list[PageOfPost]) -> None:
        read = [page.report.posts for page in done if page.report.posts]
        yields = await work.drift.note(self._definitions.by_name(batch.site), read) if read else {}
        await store.record_pages(self._database, work.run.number, done, yields)

    async def _read_pages(self, work: _Work, batch: Batch, lease: Lease, done: list[PageOfPost]) -> None:
        definition = self._definitions.by_name(batch.site)
        for post in batch.posts:
            if done and self._must_let_go(lease):
                return
            report = await self._visitor.read(lease, post.url, definition, expected_id=post.post_id)
            done.append(PageOfPost(post, report))
            work.run.tell(report.outcome)

    def _must_let_go(self, lease: Lease) -> bool:
        """A page that died, a deadline that is near, or memory so short that others have to get it back first."""
        is_late = lease.remaining_seconds < self._visitor.settings.page_seconds
        return lease.is_spoiled or is_late or self._monitor.check_memory().level is Level.EMERGENCY


def _unread(post: FollowedPost, outcome: Outcome, reason: str) -> PageOfPost:
    return PageOfPost(post, PageReport(outcome, reason, post.url, post.url, expected_id=post.post_id))


def _ending(work: _Work) -> Ending:
    reasons = [work.stopped_early] if work.stopped_early else []
    if work.put_off:
        reasons.append(f"{work.put_off} pages put off: {work.why_put_off}")
    reasons += work.drift.reasons()
    return Ending(Status.PARTIAL if reasons else Status.SUCCESS, "; ".join(reasons) or None)
