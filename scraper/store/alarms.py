"""Alarms: what is wrong with a job for a while now, from when it was noticed until it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from scraper.store.database import Database, sql

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Health:
    """How a job has been doing. `empty_runs` ended well, had opened `empty_pages` pages, and wrote nothing."""

    now: datetime
    since: datetime | None
    last_good_at: datetime | None
    last_rows_at: datetime | None
    empty_runs: int
    empty_pages: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """Posts that have been due for longer than they should, and the longest of them in seconds."""

    posts: int
    seconds: float


async def health(database: Database, job: str) -> Health:
    """How `job` has been doing."""
    row = await database.fetchrow("job_health", job)
    if row is None:
        raise AssertionError("an aggregate has a row")
    return Health(
        row["now"],
        row["since"],
        row["last_good_at"],
        row["last_rows_at"],
        row["empty_runs"] or 0,
        row["empty_pages"] or 0,
    )


async def overdue(database: Database, *, seconds: float) -> Overdue:
    """Posts that have been due for so many seconds and more."""
    row = await database.fetchrow("posts_overdue", seconds)
    return Overdue(row["posts"], row["seconds"]) if row else Overdue(0, 0.0)


async def tell(database: Database, job: str, says: Mapping[str, str]) -> None:
    """What is wrong with `job` now, by kind; what was wrong and is not among it is over."""
    async with database.connection() as connection, connection.transaction():
        for kind, words in says.items():
            row = await connection.fetchrow(sql("note_alarm"), job, kind, words)
            if row["is_new"]:
                log.error("alarm.raised", job=job, kind=kind, says=words)
        for row in await connection.fetch(sql("clear_alarms"), job, list(says)):
            log.warning("alarm.cleared", job=job, kind=row["kind"], said=row["says"])


async def raised(database: Database) -> list[asyncpg.Record]:
    """The alarms that are not over, oldest first."""
    return await database.fetch("open_alarms")
