"""reply_harvester: goes through targets in turn and keeps the conversations found there that are worth a reply.

The target that has waited longest comes first, so that none starves. What a target gave is committed before the next
is opened; posts that were collected before something went wrong count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog

from browser_pool import BrowserPoolError, LeaseRecalled, LeaseRefused, UnifiedBrowserPool
from jobs.drift_watch import DriftWatch
from jobs.job import Ending, Job, Run, Status
from jobs.scoring import ScoringPolicy, opportunity
from scraper.definitions import Definitions
from scraper.drift import Place, Yield
from scraper.outcome import Outcome
from scraper.post import Post
from scraper.store import opportunities as store
from scraper.store.database import Database
from scraper.store.opportunities import Opportunity, Target
from scraper.visit import Visitor

log = structlog.get_logger()

NAME = "reply_harvester"
TARGETS_A_RUN = 50
POSTS_A_TARGET = 100
LEASE_SPARE_SECONDS = 60.0
READERS = 2
"""A feed keeps a core busy while it scrolls."""


class ReplyHarvester:
    """The work of the job."""

    def __init__(
        self,
        database: Database,
        pool: UnifiedBrowserPool,
        visitor: Visitor,
        definitions: Definitions,
        *,
        policy: ScoringPolicy | None = None,
        site: str | None = None,
        posts_a_target: int = POSTS_A_TARGET,
    ) -> None:
        self._database = database
        self._pool = pool
        self._visitor = visitor
        self._definitions = definitions
        self._policy = policy or ScoringPolicy()
        self._site = site
        self._posts_a_target = posts_a_target

    @property
    def job(self) -> Job:
        """The job that does this work."""
        return Job(NAME, need_mb=16, deadline_seconds=900, work=self.work)

    async def work(self, run: Run) -> Ending:
        """Harvest the targets whose turn it is, and forget opportunities whose time is over."""
        await store.expire(self._database)
        targets = await store.targets_in_turn(self._database, limit=TARGETS_A_RUN, site=self._site)
        drift = DriftWatch(self._database)
        at_once = asyncio.Semaphore(1 if run.is_small else READERS)

        async def one(target: Target) -> str | None:
            async with at_once:
                return await self._harvest(run, target, drift)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(target)) for target in targets]
        put_off = [why for task in tasks if (why := task.result())]
        reasons = [f"{len(put_off)} targets put off: {put_off[-1]}"] if put_off else []
        reasons += drift.reasons()
        return Ending(Status.PARTIAL if reasons else Status.SUCCESS, "; ".join(reasons) or None)

    async def _harvest(self, run: Run, target: Target, drift: DriftWatch) -> str | None:
        """Harvest one target and commit it. Returns why it was put off, None if it was not."""
        found: list[Post] = []
        yields: Mapping[Place, Yield] = {}

        async def keep(posts: Sequence[Post]) -> None:
            found.extend(posts)

        evidence: str | None = None
        deadline = self._visitor.settings.feed_seconds + LEASE_SPARE_SECONDS
        started = asyncio.get_running_loop().time()
        try:
            definition = self._definitions.by_name(target.site)
            async with self._pool.lease(site=target.site, job=NAME, deadline=deadline) as lease:
                report = await self._visitor.harvest(
                    lease,
                    target.url,
                    definition,
                    limit=self._posts_a_target,
                    max_age=self._policy.max_age,
                    on_batch=keep,
                )
            outcome, reason = report.trouble or report.outcome, f"{report.stopped_by.value}: {report.reason}"
            evidence = report.evidence.get("kept")
        except LeaseRefused as error:
            return str(error)
        except BrowserPoolError as error:
            if isinstance(error, LeaseRecalled) and not found:
                return str(error)
            outcome, reason = Outcome.CRASHED, str(error)
        if found:
            # However often it was scrolled, a feed is one page: its posts resemble each other.
            yields = await drift.note(self._definitions.by_name(target.site), [found])
        worth = self._worth_a_reply(found)
        log.info("target.harvested", url=target.url, outcome=outcome.value, posts=len(found), kept=len(worth))
        await store.record_harvest(
            self._database,
            run.number,
            target,
            worth,
            outcome=outcome,
            reason=reason,
            seconds=asyncio.get_running_loop().time() - started,
            evidence=evidence,
            yields=yields,
        )
        run.tell(outcome)
        return None

    def _worth_a_reply(self, posts: Sequence[Post]) -> list[Opportunity]:
        now = datetime.now(UTC)
        judged = (opportunity(post, now, self._policy) for post in posts)
        return [one for one in judged if isinstance(one, Opportunity)]
