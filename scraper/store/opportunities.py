"""Targets that are harvested, and the conversations found there that are worth a reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from scraper.drift import Place, Yield
from scraper.outcome import Outcome
from scraper.store.database import Database, sql
from scraper.store.errors import NothingWritten
from scraper.store.yields import NOTHING
from scraper.store.yields import add as add_yields


@dataclass(frozen=True, slots=True)
class Target:
    """A profile, search or feed that is harvested in turn with others."""

    row: int
    site: str
    url: str


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


async def add_target(database: Database, site: str, url: str) -> None:
    """Harvest `url` from now on."""
    await database.fetchrow("add_target", site, url)


async def forget_targets(database: Database, site: str) -> int:
    """Harvest nothing of `site` any more. Returns how many targets that were."""
    return len(await database.fetch("forget_targets", site))


async def targets_in_turn(database: Database, *, limit: int, site: str | None = None) -> list[Target]:
    """The targets whose turn it is, the one that has waited longest first."""
    rows = await database.fetch("targets_in_turn", limit, site)
    return [Target(row["id"], row["site"], row["url"]) for row in rows]


async def record_harvest(
    database: Database,
    run: int,
    target: Target,
    found: Sequence[Opportunity],
    *,
    outcome: Outcome,
    reason: str,
    seconds: float,
    evidence: str | None = None,
    yields: Mapping[Place, Yield] = NOTHING,
) -> int:
    """Store what a target gave, all of it or nothing. Returns how many opportunities are new."""
    new = 0
    async with database.connection() as connection, connection.transaction():
        if await connection.fetchrow(sql("target_was_harvested"), target.row, outcome.value) is None:
            raise NothingWritten(f"target {target.url} is not in the database any more")
        await connection.execute(
            sql("record_outcome"), run, target.site, target.url, None, outcome.value, reason, seconds, evidence
        )
        await add_yields(connection, yields)
        for one in found:
            row = await connection.fetchrow(
                sql("upsert_opportunity"),
                *(one.site, one.post_id, one.url, one.author, one.text, one.posted_at),
                *(one.likes, one.replies, one.views, one.score, one.tier, one.because),
                *(target.row, run, one.keep),
            )
            new += bool(row and row["is_new"])
    return new


async def expire(database: Database) -> int:
    """Forget opportunities whose time is over. Returns how many."""
    return len(await database.fetch("expire_opportunities"))


async def best(database: Database, *, limit: int, site: str | None = None) -> list[asyncpg.Record]:
    """The opportunities with the highest score that are still open."""
    return await database.fetch("best_opportunities", limit, site)
