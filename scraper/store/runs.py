"""Job runs: that one began, how it ended, and what it wrote, counted from the database.

A run answers a ticket, one wish for a run: however often that is delivered, there is one row for it. Of one job one
run is open at a time, on all machines together; the database sees to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from scraper.drift import Place, Yield
from scraper.store.database import Database, sql
from scraper.store.errors import NothingWritten


@dataclass(frozen=True, slots=True)
class KnownRun:
    """The run that a ticket has led to. `left_seconds` are left to its deadline."""

    number: int
    began: datetime
    left_seconds: float
    is_over: bool = False
    is_planned: bool = False
    is_small: bool = False


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is still going."""

    number: int
    since: datetime
    tasks: int
    open_tasks: int


@dataclass(frozen=True, slots=True)
class EndedTasks:
    """So many tasks of a run ended in this way."""

    state: str
    ending: str | None
    reason: str | None
    tasks: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run has in the database: pages opened, and rows written."""

    pages: int
    rows_written: int


async def of_ticket(database: Database, ticket: UUID) -> KnownRun | None:
    """The run that answers `ticket`, if there is one yet."""
    row = await database.fetchrow("run_of_ticket", ticket)
    return _known(row) if row else None


def _known(row: asyncpg.Record) -> KnownRun:
    return KnownRun(
        row["id"],
        row["started_at"],
        row["left_seconds"],
        row["status"] != "running",
        row["is_planned"],
        row["is_small"],
    )


async def open_run(database: Database, job: str) -> OpenRun | None:
    """The run of `job` that is still going."""
    row = await database.fetchrow("open_run", job)
    return OpenRun(row["id"], row["started_at"], row["tasks"], row["open_tasks"]) if row else None


async def start(
    database: Database, job: str, ticket: UUID, *, worker: str, deadline_seconds: float, is_small: bool = False
) -> KnownRun | None:
    """A run of `job` begins. None if another one is open, or the ticket has its run already."""
    row = await database.fetchrow("start_run", job, ticket, worker, deadline_seconds, is_small)
    return _known(row) if row else None


async def open_tasks(database: Database, run: int) -> int:
    """How many tasks of a run are not over."""
    row = await database.fetchrow("open_tasks", run)
    return int(row["tasks"]) if row else 0


async def planned(database: Database, run: int, reason: str | None = None) -> None:
    """All tasks of a run are written; `reason` says what is not among them."""
    await database.fetchrow("run_is_planned", run, reason)


async def skip(database: Database, job: str, ticket: UUID, reason: str, *, worker: str) -> None:
    """A run did not begin, and why: a row like any other."""
    async with database.connection() as connection:
        await skip_in(connection, job, ticket, reason, worker=worker)


async def skip_in(connection: Any, job: str, ticket: UUID, reason: str, *, worker: str) -> None:
    """The same, in the transaction of `connection`."""
    await connection.execute(sql("skip_run"), job, reason, ticket, worker)


async def lock_if_over(connection: Any, run: int) -> tuple[str, str | None] | None:
    """The job, and the reason so far, of a run that can be closed, locked; None if something is still open."""
    row = await connection.fetchrow(sql("lock_run"), run)
    return row and (row["job"], row["reason"])


async def lock_without_tasks(connection: Any, run: int) -> bool:
    """Lock a run, so that nobody else splits it at the same time. Whether it is open and has no task yet."""
    await connection.fetchrow(sql("lock_unplanned_run"), run)
    # Its tasks are counted after the lock: a statement does not see what was committed while it waited.
    row = await connection.fetchrow(sql("has_no_tasks"), run)
    return bool(row and row["has_none"])


async def endings(connection: Any, run: int) -> list[EndedTasks]:
    """How the tasks of a run ended, the most frequent first."""
    rows = await connection.fetch(sql("endings_of_run"), run)
    return [EndedTasks(row["state"], row["ending"], row["reason"], row["tasks"]) for row in rows]


async def yields(connection: Any, run: int) -> Mapping[Place, Yield]:
    """What a run has read, field by field."""
    rows = await connection.fetch(sql("yields_of_run"), run)
    return {
        Place(row["site"], row["layout"], row["kind"], row["field"]): Yield(row["posts"], row["found"], row["pages"])
        for row in rows
    }


async def finish(connection: Any, run: int, *, status: str, reason: str | None) -> Counted:
    """A run has ended: "success", "partial" or "failed"."""
    row = await connection.fetchrow(sql("finish_run"), run, status, reason)
    if row is None:
        raise NothingWritten(f"run {run} is not running")
    return Counted(row["pages"], row["rows_written"])


async def outcomes(database: Database, run: int) -> dict[str, int]:
    """Pages of a run by outcome, most frequent first."""
    return {row["outcome"]: row["pages"] for row in await database.fetch("outcomes_of_run", run)}


async def outcomes_in(connection: Any, run: int) -> dict[str, int]:
    """The same, in the transaction of `connection`."""
    return {row["outcome"]: row["pages"] for row in await connection.fetch(sql("outcomes_of_run"), run)}


async def report(database: Database, ticket: UUID) -> asyncpg.Record | None:
    """The row of the run that answered `ticket`, once it is over."""
    return await database.fetchrow("report_of_run", ticket)


async def unclosed(database: Database) -> list[int]:
    """Runs that are over and were not closed."""
    return [row["id"] for row in await database.fetch("unclosed_runs")]


async def recent(database: Database, *, limit: int, job: str | None = None) -> list[asyncpg.Record]:
    """The last runs, the latest first."""
    return await database.fetch("recent_runs", limit, job)
