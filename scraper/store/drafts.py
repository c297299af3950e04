"""Drafts of replies: made for a conversation, decided by a person, posted by that person and nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from memory import MemoryMonitor
from scraper.store.database import Database, sql
from scraper.store.errors import NothingWritten
from scraper.store.pagination import PaginatedQuery
from scraper.store.weights import Arm, Kind, add_verdict, in_order


@dataclass(frozen=True, slots=True)
class DailyLimits:
    """How many replies may be drafted in a day of UTC: in all, and to one author of a site."""

    drafts: int = 20
    drafts_an_author: int = 1


async def candidates(database: Database, *, limit: int, limits: DailyLimits) -> list[asyncpg.Record]:
    """Open conversations that a reply may be drafted for, those with the highest score first.

    Not among them: what was answered, what has a draft, blocked authors, and authors who have had theirs today.
    """
    return await database.fetch("candidates_for_drafts", limit, limits.drafts_an_author)


async def left_today(database: Database, limits: DailyLimits) -> int:
    """How many replies may still be drafted today."""
    row = await database.fetchrow("drafts_of_today", 0)
    return max(0, limits.drafts - (int(row["drafts"]) if row else 0))


async def add(
    database: Database, run: int, opportunity: int, arm: Arm, text: str, *, limits: DailyLimits
) -> int | None:
    """Keep a draft and take its conversation out of the open ones, both or neither. Returns the draft's number.

    None if there is nothing to be drafted any more: somebody else has drafted it, it is over, or the day is full.
    """
    async with database.connection() as connection, connection.transaction():
        await in_order(connection, "drafts")
        today = await connection.fetchrow(sql("drafts_of_today"), opportunity)
        if today["drafts"] >= limits.drafts or today["of_author"] >= limits.drafts_an_author:
            return None
        row = await connection.fetchrow(sql("add_draft"), opportunity, run, arm.generator, arm.name, text)
    return int(row["id"]) if row else None


async def expire(database: Database) -> int:
    """Drafts that wait go with their conversations. Returns how many."""
    return len(await database.fetch("expire_drafts"))


async def one(database: Database, number: int) -> asyncpg.Record:
    """A draft beside its conversation. Raises `NothingWritten` if there is none with that number."""
    row = await database.fetchrow("draft_by_id", number)
    if row is None:
        raise NothingWritten(f"there is no draft {number}; `tidegate drafts list` shows which there are")
    return row


def in_pages(
    database: Database, *, state: str | None, with_posted: bool = True, monitor: MemoryMonitor | None = None
) -> PaginatedQuery:
    """Drafts beside their conversations, in the order of their numbers; of one `state`, or all."""
    return PaginatedQuery(
        database,
        "drafts_in_pages",
        key=("id",),
        start=(0,),
        arguments=(state, with_posted),
        rows_a_page=100,
        monitor=monitor,
    )


async def approve(database: Database, number: int, *, by: str, text: str | None = None) -> None:
    """It is fine, or fine as `text`. Raises `NothingWritten` unless it waits."""
    async with database.connection() as connection, connection.transaction():
        await in_order(connection)
        row = await connection.fetchrow(sql("approve_draft"), number, by, text)
        if row is not None:
            await add_verdict(connection, _arm(row), number, is_success=True)
    if row is None:
        await _refuse(database, number, "approved")


async def reject(database: Database, number: int, *, by: str, why: str, again: bool = False) -> None:
    """It is not fine, or not any more. `again`: another draft is to be made; otherwise the conversation is closed.

    Raises `NothingWritten` if it is over already.
    """
    async with database.connection() as connection, connection.transaction():
        await in_order(connection)
        row = await connection.fetchrow(sql("reject_draft"), number, by, why)
        if row is not None:
            await add_verdict(connection, _arm(row), number, is_success=False)
            await _close(connection, number, "open" if again else "rejected")
    if row is None:
        await _refuse(database, number, "rejected")


async def posted(database: Database, number: int, *, url: str | None = None) -> None:
    """A person has posted it, at `url` perhaps: its conversation is answered.

    Raises `NothingWritten` unless it was approved.
    """
    async with database.connection() as connection, connection.transaction():
        row = await connection.fetchrow(sql("posted_draft"), number, url)
        if row is not None:
            await _close(connection, number, "answered")
    if row is None:
        await _refuse(database, number, "noted as posted")


async def _close(connection: Any, number: int, state: str) -> None:
    if await connection.fetchrow(sql("close_conversation_of_draft"), number, state) is None:
        raise NothingWritten(f"the conversation of draft {number} is not in the database any more")


async def _refuse(database: Database, number: int, what: str) -> None:
    raise NothingWritten(f"draft {number} can't be {what}: {standing(await one(database, number))}")


def standing(row: asyncpg.Record) -> str:
    """What has become of a draft or a planned post, in words."""
    if row["posted_at"] is not None:
        return f"it was posted on {row['posted_at']:%Y-%m-%d %H:%M}"
    if row["decided_at"] is not None:
        return f"it was {row['state']} by {row['decided_by']} on {row['decided_at']:%Y-%m-%d %H:%M}"
    return "it waits for a decision" if row["state"] == "waiting" else f"it is {row['state']}"


def _arm(row: asyncpg.Record) -> Arm:
    return Arm(Kind.REPLY, row["generator"], row["arm"])
