"""`tidegate memory`: a look now, and the history from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from memory import LearnedCost, Reading
from scraper.store import memory_history
from scraper.store.memory_history import MemoryOverview
from tidegate.program import guard_for, open_database
from tidegate.settings import Settings


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """What `tidegate memory` has to show."""

    reading: Reading
    since: datetime
    history: MemoryOverview
    learned: tuple[LearnedCost, ...]


async def memory_report(settings: Settings, *, hours: float) -> MemoryReport:
    """Look, and read the history of the last `hours`. Raises `StoreError`."""
    guard = guard_for(settings)
    since = datetime.now(UTC) - timedelta(hours=hours)
    async with open_database(settings) as database:
        await memory_history.restore_costs(database, guard.costs)
        return MemoryReport(
            reading=guard.monitor.check_memory(),
            since=since,
            history=await memory_history.overview(database, since=since),
            learned=guard.costs.learned(),
        )
