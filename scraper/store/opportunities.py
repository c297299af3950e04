"""Targets that are harvested, and the conversations found there that are worth a reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import structlog

from memory import MemoryMonitor
from scraper.drift import Place, Yield
from scraper.outcome import Outcome
from scraper.store.database import Database, sql
from scraper.store.pagination import PaginatedQuery
from scraper.store.posts import BEFORE_ALL
from scraper.store.yields import NOTHING, add_to_task

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Target:
    """A profile, search or feed that is harvested in turn with others, and the time for which it is due.

    What a watched one shows is followed; one that is not harvested is only watched.
    """

    row: int
    site: str
    url: str
    due_at: datetime
    is_watched: bool = False
    is_harvested: bool = True


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A conversation worth a reply: how much, in which tier, because of what, and for how long."""

    site: str
    post_id: str
    url: str
    author: str | None
    text: str | None
    posted_at: datetime | None
    likes: int | None
    replies: int | None
    views: int | None
    score: float
    tier: str
    because: str
    keep: timedelta
    lang: str | None = None


async def add_target(
    database: Database, site: str, url: str, *, is_watched: bool = False, is_harvested: bool = True
) -> bool:
    """Harvest `url` from now on, or follow what it shows, or both. Returns whether it is new."""
    row = await database.fetchrow("add_target", site, url, is_watched, is_harvested)
    return bool(row and row["is_new"])


async def forget_targets(database: Database, site: str) -> int:
    """Harvest nothing of `site` any more. Returns how many targets that were."""
    return len(await database.fetch("forget_targets", site))


def due_targets(database: Database, *, site: str | None, rows_a_page: int, monitor: MemoryMonitor) -> PaginatedQuery:
    """The targets whose turn it is and that no task has claimed, the one that has waited longest first."""
    return PaginatedQuery(
        database,
        "due_targets",
        key=("due_at", "id"),
        start=(BEFORE_ALL, 0),
        arguments=(site,),
        rows_a_page=rows_a_page,
        monitor=monitor,
    )


async def targets_of_task(database: Database, task: int) -> list[Target]:
    """The targets that a task still has to harvest."""
    return [
        Target(row["id"], row["site"], row["url"], row["due_at"], row["is_watched"], row["is_harvested"])
        for row in await database.fetch("targets_of_task", task)
    ]


async def blocked_authors(database: Database, site: str) -> frozenset[str]:
    """Whose posts on `site` are no opportunities."""
    return frozenset(row["author"] for row in await database.fetch("blocked_authors", site))


@dataclass(frozen=True, slots=True)
class Harvest:
    """What a target gave: opportunities, posts to follow as (id, permalink), and how it ended.

    It `is_cut` where the target may well show more: the number of posts or the time was up.
    """

    outcome: Outcome
    reason: str
    seconds: float
    opportunities: Sequence[Opportunity] = ()
    to_follow: Sequence[tuple[str, str]] = ()
    evidence: str | None = None
    yields: Mapping[Place, Yield] = field(default_factory=lambda: NOTHING)
    is_cut: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the target gave what it was asked for."""
        return self.outcome in {Outcome.OK, Outcome.EMPTY}


async def record_harvest(
    database: Database, run: int, target: Target, harvest: Harvest, *, pause: timedelta, task: int | None = None
) -> int | None:
    """Store what a target gave, all of it or nothing; it is due again after `pause`.

    Returns how many opportunities are new; None, and nothing stored, if another worker has stored it already.
    """
    new = 0
    async with database.connection() as connection, connection.transaction():
        row = await connection.fetchrow(
            sql("target_was_harvested"), target.row, target.due_at, harvest.outcome.value, harvest.is_good, pause
        )
        if row is None:
            log.warning("target.known_already", url=target.url, due_at=target.due_at.isoformat())
            return None
        await connection.execute(
            sql("record_outcome"),
            *(run, target.site, target.url, None, harvest.outcome.value, harvest.reason, harvest.seconds),
            harvest.evidence,
        )
        if task is not None and harvest.yields:
            await add_to_task(connection, task, harvest.yields)
        for post_id, url in harvest.to_follow:
            await connection.execute(sql("add_seen_post"), target.site, post_id, url)
        for one in harvest.opportunities:
            row = await connection.fetchrow(
                sql("upsert_opportunity"),
                *(one.site, one.post_id, one.url, one.author, one.text, one.posted_at),
                *(one.likes, one.replies, one.views, one.score, one.tier, one.because),
                *(target.row, run, one.keep, one.lang),
            )
            new += bool(row and row["is_new"])
    return new


async def expire(database: Database) -> int:
    """Close opportunities whose time is over. Returns how many."""
    return len(await database.fetch("expire_opportunities"))


async def best(database: Database, *, limit: int, site: str | None = None) -> list[asyncpg.Record]:
    """The opportunities with the highest score that are still open."""
    return await database.fetch("best_opportunities", limit, site)


async def dismiss(database: Database, numbers: Sequence[int]) -> set[int]:
    """A person wants nothing of these: they don't come back. Returns those that were open, or had expired."""
    return {row["id"] for row in await database.fetch("dismiss_opportunities", list(numbers))}
