"""reply: drafts replies to the best open conversations, for a person to approve. Nothing is posted.

Conversations are taken in the order of their tier and of what is left of their score, within the limits of the day.
A draft and the new state of its conversation are written together, so that of two workers one drafts. A generator
that fails costs nothing: the conversation stays open, and the run says who failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import structlog

from jobs.generators.asking import MOST_CHARACTERS, WRITE_SECONDS, Writers
from jobs.generators.discovery import Generators
from jobs.generators.protocol import Conversation
from jobs.job import Ending, Job, Run, Status
from jobs.schedule import Schedule
from scraper.store import drafts as store
from scraper.store import weights
from scraper.store.database import Database
from scraper.store.drafts import DailyLimits
from scraper.store.weights import Kind

log = structlog.get_logger()

NAME = "reply"
SCHEDULE = Schedule(every=timedelta(minutes=30), jitter=timedelta(minutes=2))
CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class ReplyPolicy:
    """How many, which first, and how long a text may be.

    `tiers` are in falling order; one that is not named comes last. A score is worth half after `score_half_life`.
    """

    limits: DailyLimits = field(default_factory=DailyLimits)
    drafts_a_run: int = 10
    tiers: tuple[str, ...] = ("hot", "warm", "cool")
    score_half_life: timedelta = timedelta(hours=6)
    most_characters: int = MOST_CHARACTERS
    write_seconds: float = WRITE_SECONDS


class ReplyDrafter:
    """The work of the job."""

    def __init__(
        self,
        database: Database,
        generators: Generators,
        *,
        policy: ReplyPolicy | None = None,
        rng: Random | None = None,
    ) -> None:
        self._database = database
        self._generators = generators
        self._policy = policy or ReplyPolicy()
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
        """Expire drafts whose conversation is over, and draft what may be drafted today."""
        policy = self._policy
        expired = await store.expire(self._database)
        writers = Writers(
            self._generators,
            Kind.REPLY,
            await weights.weights(self._database, Kind.REPLY),
            self._rng,
            write_seconds=policy.write_seconds,
            most_characters=policy.most_characters,
        )
        left = await store.left_today(self._database, policy.limits)
        found = await store.candidates(self._database, limit=CANDIDATES, limits=policy.limits)
        wanted = min(left, policy.drafts_a_run, len(found))
        made = tried = 0
        of_author: Counter[tuple[str, str]] = Counter()
        for row in ranked([dict(row) for row in found], datetime.now(UTC), policy):
            if made >= wanted or not writers.can_write or run.is_stopping():
                break
            author = (row["site"], row["author"])
            if row["author"] and row["of_author"] + of_author[author] >= policy.limits.drafts_an_author:
                continue
            tried += 1
            if await self._draft(run, row, writers):
                made += 1
                of_author[author] += 1
        log.info("replies.drafted", run=run.number, made=made, tried=tried, expired=expired)
        says = []
        if found and not left:
            says.append(f"the {policy.limits.drafts} drafts of today are made")
        if not writers.can_write:
            says.append("no generator can write")
        if run.is_stopping() and made < wanted:
            says.append(f"stopped after {made} of {wanted} drafts; the next run goes on")
        says += writers.troubles
        is_less = made < wanted and (run.is_stopping() or not writers.can_write)
        return Ending(Status.PARTIAL if is_less or writers.troubles else Status.SUCCESS, "; ".join(says) or None)

    async def _draft(self, run: Run, row: Mapping[str, Any], writers: Writers) -> bool:
        written = await writers.write(conversation(row, datetime.now(UTC)))
        if written is None:
            return False
        number = await store.add(
            self._database, run.number, row["id"], written.arm, written.text, limits=self._policy.limits
        )
        return number is not None


def ranked(rows: Sequence[Mapping[str, Any]], now: datetime, policy: ReplyPolicy) -> list[Mapping[str, Any]]:
    """Conversations by tier, then by what is left of their score since they were last looked at."""
    places = {tier: place for place, tier in enumerate(policy.tiers)}

    def order(row: Mapping[str, Any]) -> tuple[int, float, int]:
        age = max(now - row["refreshed_at"], timedelta(0))
        left = row["score"] * 0.5 ** (age / policy.score_half_life)
        return places.get(row["tier"], len(places)), -left, row["id"]

    return sorted(rows, key=order)


def conversation(row: Mapping[str, Any], now: datetime) -> Conversation:
    """What a generator may know of a row of `candidates`. Each draft of a conversation has another seed."""
    return Conversation(
        site=row["site"],
        url=row["url"],
        text=row["text"],
        author=row["author"],
        lang=row["lang"],
        age=max(now - row["posted_at"], timedelta(0)) if row["posted_at"] else None,
        likes=row["likes"],
        replies=row["replies"],
        views=row["views"],
        seed=row["id"] + row["earlier_drafts"],
    )
