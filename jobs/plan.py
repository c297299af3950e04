"""plan: writes posts on one's own topics, for a person to approve. Nothing is posted.

The topic that has waited longest comes first. What is too much like something that was planned before, or like a post
that is followed, is written again by another draw, and then left. Both are compared in pages, one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import structlog

from jobs.generators.asking import MOST_CHARACTERS, WRITE_SECONDS, Writers, Written
from jobs.generators.discovery import Generators
from jobs.generators.protocol import Brief
from jobs.job import Ending, Job, Run, Status
from jobs.near_duplicates import SAME_FROM, is_near_duplicate, runs_of
from jobs.schedule import Schedule
from memory import MemoryMonitor
from scraper.store import planned as store
from scraper.store import weights
from scraper.store.database import Database
from scraper.store.weights import Kind

log = structlog.get_logger()

NAME = "plan"
SCHEDULE = Schedule(every=timedelta(hours=1), jitter=timedelta(minutes=2))
ROWS_A_PAGE = 100
EARLIER = 10
"""So many of the last planned posts are shown to who writes the next."""


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """On what, how many, and how different.

    `compared_posts` is how many of the followed posts are compared with, the latest first; planned ones all are.
    """

    topics: tuple[str, ...] = ()
    lang: str | None = None
    posts_a_day: int = 4
    posts_a_run: int = 2
    draws_a_post: int = 4
    same_from: float = SAME_FROM
    compared_posts: int = 5000
    keep: timedelta = timedelta(days=14)
    most_characters: int = MOST_CHARACTERS
    write_seconds: float = WRITE_SECONDS


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether a text is new, up to which planned post that was looked at, and why it could not be told."""

    is_new: bool
    up_to: int
    stopped_early: str | None = None


class Planner:
    """The work of the job."""

    def __init__(
        self,
        database: Database,
        generators: Generators,
        monitor: MemoryMonitor | None = None,
        *,
        policy: PlanPolicy | None = None,
        rng: Random | None = None,
    ) -> None:
        self._database = database
        self._generators = generators
        self._monitor = monitor
        self._policy = policy or PlanPolicy()
        self._rng = rng or Random()  # noqa: S311 who writes next is no secret

    @property
    def job(self) -> Job:
        """The job that does this work."""
        return Job(
            NAME,
            need_mb=16,
            deadline_seconds=600,
            work=self.work,
            schedule=SCHEDULE,
            stale_after=timedelta(hours=6),
        )

    async def work(self, run: Run) -> Ending:
        """Expire what nobody decided on, and plan what may be planned today."""
        policy = self._policy
        expired = await store.expire(self._database)
        if not policy.topics:
            return Ending(Status.SUCCESS, "no topics are set")
        left = await store.left_today(self._database, policy.posts_a_day)
        if not left:
            return Ending(Status.SUCCESS, f"the {policy.posts_a_day} posts of today are planned")
        writers = Writers(
            self._generators,
            Kind.POST,
            await weights.weights(self._database, Kind.POST),
            self._rng,
            write_seconds=policy.write_seconds,
            most_characters=policy.most_characters,
        )
        topics = in_turn(policy.topics, await store.last_planned(self._database, policy.topics))
        wanted = min(left, policy.posts_a_run)
        made, reasons = 0, []
        for topic in topics:
            if made >= wanted or not writers.can_write or run.is_stopping():
                break
            reason = await self._plan(run, topic, writers)
            made += reason is None
            if reason:
                reasons.append(f"{topic}: {reason}")
        log.info("posts.planned", run=run.number, made=made, expired=expired)
        if not writers.can_write:
            reasons.append("no generator can write")
        says = "; ".join((*reasons, *writers.troubles)) or None
        return Ending(Status.PARTIAL if writers.troubles else Status.SUCCESS, says)

    async def _plan(self, run: Run, topic: str, writers: Writers) -> str | None:
        """Plan one post on `topic`. Returns why there is none, None if there is."""
        policy = self._policy
        earlier = await store.last_texts(self._database, EARLIER)
        for _ in range(policy.draws_a_post):
            seed = self._rng.randrange(1 << 31)
            written = await writers.write(Brief(topic, policy.lang, earlier, seed))
            if written is None:
                return "nobody could write it"
            runs = runs_of(written.text)
            seen = await self._look(runs)
            if seen.stopped_early:
                return f"what there is already could not be looked through: {seen.stopped_early}"
            if seen.is_new:
                return await self._keep(run, topic, written, seen)
            log.info("post.not_new", topic=topic, generator=written.arm.generator, arm=written.arm.name)
        return f"{policy.draws_a_post} texts were too much like what there is already"

    async def _keep(self, run: Run, topic: str, written: Written, seen: Seen) -> str | None:
        policy = self._policy
        runs = runs_of(written.text)
        number = await store.add(
            self._database,
            run.number,
            topic,
            written.arm,
            written.text,
            posts_a_day=policy.posts_a_day,
            keep=policy.keep,
            seen_up_to=seen.up_to,
            is_new=lambda texts: not is_near_duplicate(runs, texts, policy.same_from),
        )
        return "somebody else has planned it meanwhile, or the day is full" if number is None else None

    async def _look(self, runs: frozenset[str]) -> Seen:
        """Compare with everything planned, and with the latest of the followed posts."""
        policy, up_to = self._policy, 0
        planned = store.planned_texts(self._database, rows_a_page=ROWS_A_PAGE, monitor=self._monitor)
        async for page in planned:
            up_to = page[-1]["id"]
            if is_near_duplicate(runs, (row["text"] for row in page), policy.same_from):
                return Seen(is_new=False, up_to=up_to)
        posts = store.texts_of_posts(self._database, rows_a_page=ROWS_A_PAGE, monitor=self._monitor)
        compared = 0
        async for page in posts:
            if is_near_duplicate(runs, (row["text"] for row in page), policy.same_from):
                return Seen(is_new=False, up_to=up_to)
            compared += len(page)
            if compared >= policy.compared_posts:
                break
        return Seen(is_new=True, up_to=up_to, stopped_early=planned.stopped_early or posts.stopped_early)


def in_turn(topics: Sequence[str], last_planned: Mapping[str, datetime]) -> list[str]:
    """`topics` in the order of their turns: first those with nothing yet, then the one that has waited longest."""
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(dict.fromkeys(topics), key=lambda topic: last_planned.get(topic, never))
