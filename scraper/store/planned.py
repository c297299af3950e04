"""Planned posts: texts on one's own topics, decided by a person, posted by that person and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg

from memory import MemoryMonitor
from scraper.store.database import Database, sql
from scraper.store.drafts import standing
from scraper.store.errors import NothingWritten
from scraper.store.pagination import PaginatedQuery
from scraper.store.weights import Arm, Kind, add_verdict, in_order

AFTER_ALL = (1 << 63) - 1


async def left_today(database: Database, posts_a_day: int) -> int:
    """How many posts may still be planned in this day of UTC."""
    row = await database.fetchrow("planned_today")
    return max(0, posts_a_day - (int(row["planned"]) if row else 0))


async def last_planned(database: Database, topics: Sequence[str]) -> dict[str, datetime]:
    """When something was last planned on each of `topics`; those with nothing yet are not in it."""
    return {row["topic"]: row["last_at"] for row in await database.fetch("topics_planned", list(topics))}


async def last_texts(database: Database, limit: int) -> tuple[str, ...]:
    """The last planned posts, the latest first."""
    return tuple(row["text"] for row in await database.fetch("last_planned_texts", limit))


def planned_texts(database: Database, *, rows_a_page: int, monitor: MemoryMonitor | None = None) -> PaginatedQuery:
    """The number and text of every planned post, in pages."""
    return PaginatedQuery(
        database, "planned_after", key=("id",), start=(0,), rows_a_page=rows_a_page, monitor=monitor
    )


def texts_of_posts(database: Database, *, rows_a_page: int, monitor: MemoryMonitor | None = None) -> PaginatedQuery:
    """The number and text of the posts that are followed, the latest first, in pages."""
    return PaginatedQuery(
        database, "texts_of_posts", key=("id",), start=(AFTER_ALL,), rows_a_page=rows_a_page, monitor=monitor
    )


async def add(
    database: Database,
    run: int,
    topic: str,
    arm: Arm,
    text: str,
    *,
    posts_a_day: int,
    keep: timedelta,
    seen_up_to: int,
    is_new: Callable[[Sequence[str]], bool],
) -> int | None:
    """Plan a post. Returns its number; None if the day is full, or it is not new any more.

    `is_new` is asked once more, about what others have planned after number `seen_up_to`.
    """
    async with database.connection() as connection, connection.transaction():
        await in_order(connection, "planned_posts")
        today = await connection.fetchrow(sql("planned_today"))
        later = await connection.fetch(sql("planned_after"), seen_up_to, posts_a_day + 1)
        if today["planned"] >= posts_a_day or not is_new([row["text"] for row in later]):
            return None
        row = await connection.fetchrow(sql("add_planned_post"), topic, run, arm.generator, arm.name, text, keep)
    if row is None:
        raise NothingWritten(f"the planned post on {topic}")
    return int(row["id"])


async def expire(database: Database) -> int:
    """Planned posts that nobody has decided on in time. Returns how many."""
    return len(await database.fetch("expire_planned_posts"))


async def one(database: Database, number: int) -> asyncpg.Record:
    """A planned post. Raises `NothingWritten` if there is none with that number."""
    row = await database.fetchrow("planned_post_by_id", number)
    if row is None:
        raise NothingWritten(
            f"there is no planned post p{number}; `tidegate drafts list --planned` shows which there are"
        )
    return row


def in_pages(
    database: Database, *, state: str | None, with_posted: bool = True, monitor: MemoryMonitor | None = None
) -> PaginatedQuery:
    """Planned posts in the order of their numbers; of one `state`, or all."""
    return PaginatedQuery(
        database,
        "planned_posts_in_pages",
        key=("id",),
        start=(0,),
        arguments=(state, with_posted),
        rows_a_page=100,
        monitor=monitor,
    )


async def approve(database: Database, number: int, *, by: str, text: str | None = None) -> None:
    """It is fine, or fine as `text`. Raises `NothingWritten` unless it waits."""
    await _decide(database, "approve_planned_post", number, (by, text), "approved", is_success=True)


async def reject(database: Database, number: int, *, by: str, why: str) -> None:
    """It is not fine, or not any more. Raises `NothingWritten` if it is over already."""
    await _decide(database, "reject_planned_post", number, (by, why), "rejected", is_success=False)


async def posted(database: Database, number: int, *, url: str | None = None) -> None:
    """A person has posted it, at `url` perhaps. Raises `NothingWritten` unless it was approved."""
    if await database.fetchrow("posted_planned_post", number, url) is None:
        await _refuse(database, number, "noted as posted")


async def _decide(
    database: Database, query: str, number: int, said: tuple[str, str | None], what: str, *, is_success: bool
) -> None:
    async with database.connection() as connection, connection.transaction():
        await in_order(connection)
        row = await connection.fetchrow(sql(query), number, *said)
        if row is not None:
            arm = Arm(Kind.POST, row["generator"], row["arm"])
            await add_verdict(connection, arm, number, is_success=is_success)
    if row is None:
        await _refuse(database, number, what)


async def _refuse(database: Database, number: int, what: str) -> None:
    raise NothingWritten(f"planned post p{number} can't be {what}: {standing(await one(database, number))}")
