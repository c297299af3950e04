"""When each job runs next, kept in the database and told by its clock, so that clocks of machines may differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from scraper.store.database import Database, sql


async def declare(database: Database, job: str, rule: str, first: Callable[[datetime], datetime]) -> None:
    """A job is to run by `rule`. Where that is new or has changed, `first` tells from now when it runs next."""
    async with database.connection() as connection, connection.transaction():
        now = await connection.fetchval("select clock_timestamp()")
        await connection.execute(sql("declare_schedule"), job, rule, first(now))


async def forget_others(database: Database, jobs: Sequence[str], known: Sequence[str]) -> None:
    """Of the `known` jobs only `jobs` have a schedule."""
    await database.fetch("forget_schedules", list(jobs), list(known))


async def due(connection: Any, jobs: Sequence[str]) -> list[asyncpg.Record]:
    """The schedules of `jobs` whose time has come, and the time it is; nobody else gets them meanwhile."""
    rows: list[asyncpg.Record] = await connection.fetch(sql("due_schedules"), list(jobs))
    return rows


async def advance(connection: Any, job: str, next_at: datetime) -> None:
    """A run was asked for; the next is at `next_at`."""
    await connection.execute(sql("advance_schedule"), job, next_at)


async def skips(database: Database, job: str) -> int:
    """How often a job was skipped in a row for lack of memory."""
    row = await database.fetchrow("schedule_skips", job)
    return int(row["skips"]) if row else 0


async def note_skip(database: Database, job: str, *, was_skipped: bool) -> None:
    """A run was skipped for lack of memory, or was not."""
    await database.fetch("note_skip", job, was_skipped)


async def pause(database: Database, job: str, *, is_paused: bool) -> bool:
    """Let a job rest, or not any more. Returns whether it has a schedule at all."""
    return await database.fetchrow("pause_schedule", job, is_paused) is not None


async def every(database: Database) -> list[asyncpg.Record]:
    """All schedules, with the last run that was asked for and how it ended."""
    return await database.fetch("all_schedules")
