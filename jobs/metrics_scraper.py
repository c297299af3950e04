"""metrics_scraper: reads the pages of posts that are due and appends a snapshot of each.

Due posts come from the database a page at a time and are dealt out to tasks, of one site each: a task is what one
lease reads, one page after another in the same warm context. Tasks are done by whichever workers there are; memory
decides how many of them hold a lease. What a lease has read is committed when it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from browser_pool import BrowserPoolError, IdentityRefused, Lease, LeaseRecalled, LeaseRefused, UnifiedBrowserPool
from browser_pool.identity import IdentityOf, nobody
from jobs.job import Ending, Job, MoreLater, PutOff, Run, Status
from jobs.schedule import Schedule
from memory import Level, MemoryMonitor
from scraper.definitions import Definitions
from scraper.drift import yields_of
from scraper.errors import UnknownSite
from scraper.outcome import Outcome, reason_with_session
from scraper.page import PageReport
from scraper.store import posts as store
from scraper.store import tasks
from scraper.store.database import Database
from scraper.store.patience import patiently
from scraper.store.posts import FollowedPost, PageOfPost
from scraper.store.tasks import Claims, NewTask
from scraper.visit import Visitor

log = structlog.get_logger()

NAME: Final = "metrics_scraper"
SCHEDULE: Final = Schedule(every=timedelta(minutes=5))
"""As often as the youngest posts are due; a run for which nothing is due costs a query."""
ROWS_A_PAGE: Final = 20
PAGES_A_TASK: Final = 10
LEASE_SECONDS: Final = 180.0
TASK_SECONDS: Final = 600.0
TASKS_A_SITE: Final = 40
"""So many tasks of one site are open at a time, while there is another."""
ATTEMPTS: Final = 3
"""So many times a page is tried in another browser or context before its trouble is what it turned out to be."""
REFUSED_PAUSE: Final = timedelta(seconds=10)


class PageInterrupted(BrowserPoolError):
    """What went wrong with a page may have been its browser: it is read again in another lease."""


@dataclass(frozen=True, slots=True)
class After:
    """What is to do after a lease: read `left` in another one, of which the first was tried `attempt - 1` times."""

    left: tuple[FollowedPost, ...] = ()
    attempt: int = 1
    given_up: FollowedPost | None = None


def after_lease(
    posts: Sequence[FollowedPost], attempt: int, pages_done: int, problem: BrowserPoolError | None
) -> After:
    """What is to do when a lease on `posts` has ended with `pages_done` pages read, and perhaps a problem.

    A lease that was recalled is asked for again. A page that took its browser along is tried elsewhere, and given up
    after `ATTEMPTS`; what stands behind it is read all the same.
    """
    left = tuple(posts[pages_done:])
    if not left:
        return After()
    if problem is None:
        return After(left)
    if isinstance(problem, LeaseRecalled):
        return After(left, 1 if pages_done else attempt)
    if pages_done:
        return After(left, 2)
    if attempt < ATTEMPTS:
        return After(left, attempt + 1)
    return After(left[1:], given_up=left[0])


def deal(site: str, posts: Sequence[FollowedPost], pages_a_task: int = PAGES_A_TASK) -> list[NewTask]:
    """Deal posts of a site out, in their order, to tasks."""
    rows = [post.row for post in posts]
    return [
        NewTask({"site": site}, Claims.POSTS, rows[start : start + pages_a_task])
        for start in range(0, len(rows), pages_a_task)
    ]


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
        schedule: Schedule | None = SCHEDULE,
        identity_of: IdentityOf = nobody,
    ) -> None:
        self._database = database
        self._pool = pool
        self._visitor = visitor
        self._definitions = definitions
        self._monitor = monitor
        self._site = site
        self._due_within = due_within
        self._schedule = schedule
        self._identity_of = identity_of

    @property
    def job(self) -> Job:
        """The job that does this work."""
        return Job(
            NAME,
            need_mb=16,
            deadline_seconds=1200,
            work=self.work,
            plan=self.plan,
            is_critical=True,
            priority=10,
            task_seconds=TASK_SECONDS,
            schedule=self._schedule,
            pages_give_rows=True,
            quiet_after=timedelta(hours=26),
            stale_after=timedelta(hours=2),
        )

    async def due(self) -> int:
        """How many posts a run would read."""
        return await store.count_due(self._database, until=datetime.now(UTC) + self._due_within, site=self._site)

    async def plan(self, run: Run) -> AsyncIterator[Sequence[NewTask]]:
        """Every post that is due, in tasks of one site each, the sites in turn.

        So many tasks of a site are open at most: one that is slow, or asks to be asked seldom, does not keep the
        others waiting. Posts of sites that are not known here are left to whoever knows them.
        """
        opened = Counter(await tasks.open_by_site(self._database, run.number))
        going = {site: aiter(self._due(run, site)) for site in self._sites()}
        has_more = False
        while going:
            for site, pages in list(going.items()):
                if len(going) > 1 and opened[site] >= TASKS_A_SITE:
                    has_more = True
                    del going[site]
                elif page := await anext(pages, None):
                    new = deal(site, [store.followed(row) for row in page])
                    opened[site] += len(new)
                    yield new
                else:
                    del going[site]
        if has_more:
            raise MoreLater

    def _sites(self) -> Sequence[str]:
        return [self._site] if self._site is not None else self._definitions.names

    async def _due(self, run: Run, site: str) -> AsyncIterator[Sequence[Any]]:
        due = store.due(
            self._database,
            until=run.began + self._due_within,
            not_since=run.began,
            site=site,
            rows_a_page=2 if run.is_small else ROWS_A_PAGE,
            monitor=self._monitor,
            is_critical=True,
        )
        async for page in due:
            yield page
        if due.stopped_early:
            raise PutOff(due.stopped_early)

    async def work(self, run: Run) -> Ending:
        """Read the posts of one task, in as many leases as it takes. Raises `PutOff` where no lease is to be had."""
        after, resting = After(tuple(await store.of_task(self._database, run.task))), _Resting()
        while after.left:
            after = await self._read_in_one_lease(run, after, resting)
        return await self._leave(run, resting)

    async def _leave(self, run: Run, resting: _Resting) -> Ending:
        """Put off to when their hosts may be asked again what was not asked for."""
        if not resting.posts:
            return Ending(Status.SUCCESS)
        await patiently(
            "posts are put off",
            lambda: store.put_off(self._database, run.task, [(post.row, wait) for post, wait in resting.posts]),
        )
        log.warning("pages.put_off", pages=len(resting.posts), reason=resting.reason)
        return Ending(Status.PARTIAL, f"pages put off: {resting.reason}")

    async def _read_in_one_lease(self, run: Run, now: After, resting: _Resting) -> After:
        """Read what one lease allows and commit it. Returns what is left to read."""
        done: list[PageOfPost] = []
        problem: BrowserPoolError | None = None
        site = now.left[0].site
        seen = len(resting.posts)
        try:
            self._definitions.by_name(site)
            identity = self._identity_of(site)
            async with self._pool.lease(site=site, identity=identity, job=NAME, deadline=LEASE_SECONDS) as lease:
                await self._read_pages(run, now, lease, done, resting)
        except (LeaseRefused, IdentityRefused) as refused:
            # Of an identity that can't be worn the posts know nothing.
            raise PutOff(str(refused), REFUSED_PAUSE) from None
        except BrowserPoolError as error:
            problem = error
        except UnknownSite as error:
            # Another worker may know it.
            raise PutOff(str(error), REFUSED_PAUSE) from None
        finally:
            if done:
                await self._record(run, done)
        if problem is None and run.is_stopping() and len(done) < len(now.left):
            raise PutOff("its worker is stopping", timedelta(0))
        after = after_lease(now.left, now.attempt, len(done) + len(resting.posts) - seen, problem)
        if after.given_up is not None:
            crashed = _unread(after.given_up, Outcome.CRASHED, f"it ended its browser {ATTEMPTS} times: {problem}")
            await self._record(run, [crashed])
            run.tell(Outcome.CRASHED)
        elif problem is not None and after.left:
            log.warning("page.interrupted", url=after.left[0].url, attempt=now.attempt, error=str(problem))
        return after

    async def _record(self, run: Run, done: Sequence[PageOfPost]) -> None:
        """Store what was read. A database that is gone is waited for: nothing is read for nothing."""
        by_site = [page.report.posts for page in done if page.report.posts]
        yields = yields_of(self._definitions.by_name(done[0].post.site), by_site) if by_site else {}
        await patiently(
            "pages are stored",
            lambda: store.record_pages(self._database, run.number, done, yields, task=run.task),
        )

    async def _read_pages(
        self,
        run: Run,
        now: After,
        lease: Lease,
        done: list[PageOfPost],
        resting: _Resting,
    ) -> None:
        definition = self._definitions.by_name(now.left[0].site)
        for place, post in enumerate(now.left):
            if run.is_stopping() or (place and self._must_let_go(lease)):
                break
            await run.mark(post.row)
            report = await self._visitor.read(lease, post.url, definition, expected_id=post.post_id)
            if report.is_interrupted and (place or now.attempt < ATTEMPTS):
                raise PageInterrupted(report.reason)
            if report.is_put_off:
                resting.posts.append((post, report.retry_after_seconds or 0.0))
                resting.reason = report.reason
                continue
            wears = lease.request.identity.storage_state is not None
            reason = reason_with_session(report.outcome, report.reason, site=post.site, wears_session=wears)
            done.append(PageOfPost(post, replace(report, reason=reason)))
            run.tell(report.outcome)
        await run.mark(None)

    def _must_let_go(self, lease: Lease) -> bool:
        """A page that died, a deadline that is near, or memory so short that others must get it back first."""
        is_late = lease.remaining_seconds < self._visitor.settings.page_seconds
        is_short = self._monitor.check_memory().level is Level.EMERGENCY
        return lease.is_spoiled or is_late or is_short


@dataclass(slots=True)
class _Resting:
    """The posts of a task whose hosts are to be left alone, for so many seconds: they were not asked for."""

    posts: list[tuple[FollowedPost, float]] = field(default_factory=list)
    reason: str = ""


def _unread(post: FollowedPost, outcome: Outcome, reason: str) -> PageOfPost:
    return PageOfPost(post, PageReport(outcome, reason, post.url, post.url, expected_id=post.post_id))
