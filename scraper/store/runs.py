"""Job runs: that one began, how it ended, and what it wrote, counted from the database."""

from __future__ import annotations

from dataclasses import dataclass

from scraper.store.database import Database
from scraper.store.errors import NothingWritten


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run has in the database: pages opened, and rows written."""

    pages: int
    rows_written: int


async def start(database: Database, job: str) -> int:
    """A run of `job` begins. Returns its number."""
    row = await database.fetchrow("start_run", job)
    if row is None:
        raise NothingWritten(f"the run of {job} could not be written down")
    return int(row["id"])


async def finish(database: Database, run: int, *, status: str, reason: str | None, peak_bytes: int | None) -> Counted:
    """A run has ended: "success", "partial" or "failed"."""
    row = await database.fetchrow("finish_run", run, status, reason, peak_bytes)
    if row is None:
        raise NothingWritten(f"run {run} is not running")
    return Counted(row["pages"], row["rows_written"])


async def skip(database: Database, job: str, reason: str) -> None:
    """A run did not begin, and why: a row like any other."""
    await database.fetchrow("skip_run", job, reason)


async def outcomes(database: Database, run: int) -> dict[str, int]:
    """Pages of a run by outcome, most frequent first."""
    return {row["outcome"]: row["pages"] for row in await database.fetch("outcomes_of_run", run)}


async def close_abandoned(database: Database, job: str) -> int:
    """Close the runs of `job` whose process is gone. Only for whoever knows that none is alive."""
    return len(await database.fetch("close_abandoned_runs", job))
