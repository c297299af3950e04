"""The list of posts as a person keeps it: looked at, and taken from."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from scraper.store.database import Database


async def listed(
    database: Database, *, state: str | None = None, is_due: bool = False, site: str | None = None, limit: int
) -> list[asyncpg.Record]:
    """At most `limit` posts, those that are due first come first. With `is_due` only those that are."""
    return await database.fetch("list_posts", state, is_due, site, limit)


async def pause(database: Database, site: str, post_ids: Sequence[str]) -> set[str]:
    """Read these posts no more; their snapshots stay. Returns the ids that there are: the others are not followed."""
    return {row["post_id"] for row in await database.fetch("pause_posts", site, sorted(post_ids))}


async def urls_of(database: Database, site: str, post_ids: Sequence[str]) -> dict[str, str]:
    """The address of each of these posts that there is, by its id."""
    return {row["post_id"]: row["url"] for row in await database.fetch("urls_of_posts", site, list(post_ids))}
