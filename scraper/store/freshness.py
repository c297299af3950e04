"""How fresh what is stored is, and how pages have been turning out: for those who look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from scraper.store.database import Database

STRETCHES = 48


@dataclass(frozen=True, slots=True)
class Freshness:
    """Posts by what they wait for. `late` ones are due for longer than was asked for.

    `last_snapshot_at` is None where there is none.
    """

    followed: int
    due: int
    late: int
    oldest_due_seconds: float
    held: int
    given_up: int
    last_snapshot_at: datetime | None
    snapshots_last_hour: int


async def freshness(database: Database, *, late_after: timedelta) -> Freshness:
    """How fresh the numbers are."""
    row = await database.fetchrow("freshness", late_after.total_seconds())
    if row is None:
        raise RuntimeError("counting gives a row")
    return Freshness(**dict(row))


async def outcomes_over_time(database: Database, *, since: datetime) -> list[asyncpg.Record]:
    """Pages by time, site and outcome, in `STRETCHES` stretches, the oldest first."""
    stretch = max(timedelta(minutes=1), (datetime.now(UTC) - since) / STRETCHES)
    return await database.fetch("outcomes_over_time", since, stretch)
