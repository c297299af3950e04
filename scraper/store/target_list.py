"""The list of targets as a person keeps it, and the authors that are left alone."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from scraper.store.database import Database, sql


async def keep(database: Database, targets: Sequence[tuple[str, str]], *, is_watched: bool | None) -> int:
    """Harvest targets, given as (site, address). Returns how many are new.

    With `is_watched` what they show is followed, too; None leaves that as it is, for a new one at no.
    """
    new = 0
    async with database.connection() as connection, connection.transaction():
        for site, url in sorted(targets):
            row = await connection.fetchrow(sql("add_target"), site, url, is_watched, None)
            new += bool(row and row["is_new"])
    return new


async def listed(database: Database, *, site: str | None = None, limit: int) -> list[asyncpg.Record]:
    """At most `limit` targets, whose turn is next comes first."""
    return await database.fetch("list_targets", site, limit)


async def remove(database: Database, urls: Sequence[str]) -> set[str]:
    """Harvest these no more; what was found there stays. Returns those that there were."""
    return {row["url"] for row in await database.fetch("remove_targets", list(urls))}


async def block(database: Database, site: str, authors: Sequence[str]) -> int:
    """Find nothing of these authors worth a reply any more. Returns how many were not blocked before."""
    return sum([len(await database.fetch("block_author", site, author)) for author in authors])


async def unblock(database: Database, site: str, authors: Sequence[str]) -> set[str]:
    """Take these back. Returns those that were blocked."""
    found: set[str] = set()
    for author in authors:
        found |= {row["author"] for row in await database.fetch("unblock_author", site, author)}
    return found


async def blocked(database: Database, *, site: str | None = None, limit: int) -> list[asyncpg.Record]:
    """At most `limit` blocked authors."""
    return await database.fetch("list_blocked_authors", site, limit)
