"""reply_harvester: goes through targets in turn and keeps the conversations found there that are worth a reply.

The target that has waited longest comes first, so that none starves; each is a task. What a target gave is committed
when it is done; posts that were collected before something went wrong count. What a watched target shows is followed
by the metrics scraper from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from browser_pool import BrowserPoolError, IdentityRefused, LeaseRecalled, LeaseRefused, UnifiedBrowserPool
from browser_pool.identity import IdentityOf, nobody
from jobs.job import Ending, Job, PutOff, Run, Status
from jobs.schedule import Schedule
from jobs.scoring import ScoringPolicy, opportunity
from memory import MemoryMonitor
from scraper.definitions import Definitions
from scraper.drift import yields_of
from scraper.errors import UnknownSite
from scraper.feed import Stop
from scraper.outcome import Outcome, reason_with_session
from scraper.post import Post
from scraper.store import opportunities as store
from scraper.store.database import Database
from scraper.store.opportunities import Harvest, Opportunity, Target
from scraper.store.patience import patiently
from scraper.store.tasks import Claims, NewTask
from scraper.visit import Visitor

log = structlog.get_logger()

NAME: Final = "reply_harvester"
SCHEDULE: Final = Schedule(every=timedelta(minutes=15))
TARGETS_A_PAGE: Final = 20
POSTS_A_TARGET: Final = 100
LEASE_SPARE_SECONDS: Final = 60.0
REFUSED_PAUSE: Final = timedelta(seconds=15)


class ReplyHarvester:
    """The work of the job. A target is due again `pause` after it was harvested."""

    def __init__(
        self,
        database: Database,
        pool: UnifiedBrowserPool,
        visitor: Visitor,
        definitions: Definitions,
        monitor: MemoryMonitor,
        *,
        policy: ScoringPolicy | None = None,
        site: str | None = None,
        posts_a_target: int = POSTS_A_TARGET,
        pause: timedelta = timedelta(minutes=15),
        schedule: Schedule | None = SCHEDULE,
        identity_of: IdentityOf = nobody,
    ) -> None:
        self._database = database
        self._pool = pool
        self._visitor = visitor
        self._definitions = definitions
        self._monitor = monitor
        self._policy = policy or ScoringPolicy()
        self._site = site
        self._posts_a_target = posts_a_target
        self._pause = pause
        self._schedule = schedule
        self._identity_of = identity_of

    @property
    def job(self) -> Job:
        """The job that does this work."""
        return Job(
            NAME,
            need_mb=16,
            deadline_seconds=900,
            work=self.work,
            plan=self.plan,
            task_seconds=self._visitor.settings.feed_seconds + 3 * LEASE_SPARE_SECONDS,
            schedule=self._schedule,
            quiet_after=timedelta(hours=24),
            stale_after=timedelta(hours=3),
        )

    async def plan(self, run: Run) -> AsyncIterator[Sequence[NewTask]]:
        """The targets whose turn it is, one a task; opportunities whose time is over are closed first."""
        await store.expire(self._database)
        rows = 2 if run.is_small else TARGETS_A_PAGE
        due = store.due_targets(self._database, site=self._site, rows_a_page=rows, monitor=self._monitor)
        async for page in due:
            yield [NewTask({"url": row["url"]}, Claims.TARGETS, [row["id"]]) for row in page]
        if due.stopped_early:
            raise PutOff(due.stopped_early)

    async def work(self, run: Run) -> Ending:
        """Harvest the target of one task and commit it. Raises `PutOff` where there is no lease to be had."""
        targets = await store.targets_of_task(self._database, run.task)
        cut = [await self._harvest_and_keep(run, target) for target in targets]
        return Ending(Status.SUCCESS, "; ".join(filter(None, cut)) or None)

    async def _harvest_and_keep(self, run: Run, target: Target) -> str | None:
        """Returns what was left, where that is not all that the target shows."""
        harvest = await self._harvest(target)
        await patiently(
            "a harvest is stored",
            lambda: store.record_harvest(
                self._database, run.number, target, harvest, pause=self._pause, task=run.task
            ),
        )
        run.tell(harvest.outcome)
        return f"{target.url}: {harvest.reason}" if harvest.is_cut else None

    async def _harvest(self, target: Target) -> Harvest:
        """What a target gives, as far as it goes."""
        found: list[Post] = []

        async def keep(posts: Sequence[Post]) -> None:
            found.extend(posts)

        evidence: str | None = None
        is_cut = False
        deadline = self._visitor.settings.feed_seconds + LEASE_SPARE_SECONDS
        started = asyncio.get_running_loop().time()
        try:
            definition = self._definitions.by_name(target.site)
            identity = self._identity_of(target.site)
            async with self._pool.lease(site=target.site, identity=identity, job=NAME, deadline=deadline) as lease:
                report = await self._visitor.harvest(
                    lease,
                    target.url,
                    definition,
                    limit=self._posts_a_target,
                    # What is followed may be old; what is worth a reply is not.
                    max_age=None if target.is_watched else self._policy.max_age,
                    on_batch=keep,
                )
            outcome, wears = report.trouble or report.outcome, identity.storage_state is not None
            reason = reason_with_session(outcome, report.reason, site=target.site, wears_session=wears)
            reason = f"stopped: {report.stopped_by.value}: {reason}"
            if report.stopped_by is Stop.LIMIT:
                reason = f"target.truncated: the first {report.count} posts were taken (TIDEGATE_POSTS_A_TARGET)"
                log.warning("target.truncated", url=target.url, posts=report.count)
            is_cut = report.stopped_by in {Stop.LIMIT, Stop.TIME}
            evidence = report.evidence.get("kept")
            if report.is_put_off:
                raise PutOff(report.reason, timedelta(seconds=report.retry_after_seconds or 0.0))
        except (LeaseRefused, IdentityRefused) as error:
            raise PutOff(str(error), REFUSED_PAUSE) from None
        except UnknownSite as error:
            # Another worker may know it.
            raise PutOff(str(error), REFUSED_PAUSE) from None
        except BrowserPoolError as error:
            if isinstance(error, LeaseRecalled) and not found:
                raise PutOff(str(error)) from None
            outcome, reason = Outcome.CRASHED, str(error)
        seconds = asyncio.get_running_loop().time() - started
        return await self._judged(target, found, Harvest(outcome, reason, seconds, evidence=evidence, is_cut=is_cut))

    async def _judged(self, target: Target, found: Sequence[Post], harvest: Harvest) -> Harvest:
        """`harvest` with what is worth keeping of the posts that were found."""
        worth: list[Opportunity] = []
        if found and target.is_harvested:
            blocked = await store.blocked_authors(self._database, target.site)
            worth = self._worth_a_reply(found, blocked)
        log.info("target.harvested", url=target.url, outcome=harvest.outcome.value, posts=len(found), kept=len(worth))
        return replace(
            harvest,
            opportunities=worth,
            to_follow=to_follow(found) if target.is_watched else (),
            # However often it was scrolled, a feed is one page: its posts resemble each other.
            yields=yields_of(self._definitions.by_name(target.site), [found]) if found else {},
        )

    def _worth_a_reply(self, posts: Sequence[Post], blocked: frozenset[str]) -> list[Opportunity]:
        now = datetime.now(UTC)
        judged = (opportunity(post, now, self._policy, blocked) for post in posts)
        return [one for one in judged if isinstance(one, Opportunity)]


def to_follow(posts: Sequence[Post]) -> list[tuple[str, str]]:
    """Of what a watched target shows, what is its own: id and permalink of what nobody paid for or passed on."""
    return [(post.id, post.url) for post in posts if post.url is not None and not post.promoted and not post.reposted]
