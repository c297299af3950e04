"""Runs as tests of the store need them."""

from __future__ import annotations

from uuid import uuid4

from scraper.store import runs
from scraper.store.database import Database

DEADLINE_SECONDS = 60.0


async def begin(
    database: Database, job: str = "metrics_scraper", *, deadline_seconds: float = DEADLINE_SECONDS
) -> int:
    """A run of `job` that is open. One that was open before is over."""
    before = await runs.open_run(database, job)
    if before is not None:
        await end(database, before.number)
    run = await runs.start(database, job, uuid4(), worker="a", deadline_seconds=deadline_seconds)
    assert run is not None
    return run.number


async def end(database: Database, run: int, status: str = "success", reason: str | None = None) -> runs.Counted:
    """It is over, whatever became of its tasks."""
    async with database.connection() as connection:
        return await runs.finish(connection, run, status=status, reason=reason)
