"""Removing what is older than it is to be kept, a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from scraper.store.database import Database

ROWS_AT_ONCE: Final = 2000

QUERIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "snapshots": "remove_snapshots",
        "page_outcomes": "remove_page_outcomes",
        "opportunities": "remove_opportunities",
        "tasks": "remove_tasks",
        "job_runs": "remove_job_runs",
        "alarms": "remove_alarms",
    }
)


async def remove(database: Database, what: str, age: timedelta) -> int:
    """Remove rows of a table that are older than `age`. Returns how many; fewer than `ROWS_AT_ONCE`: all of them.

    Raises KeyError for a table that is not among `QUERIES`.
    """
    return len(await database.fetch(QUERIES[what], age, ROWS_AT_ONCE))
