"""What there is to see: readings and the pool as they are now, rows as they were some seconds ago.

Nothing is counted here. The pool is asked for its table, memory for a reading, the database for its rows, so that
what is shown can't drift from what is. However many look, the database is asked once every `ROWS_SECONDS`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

import asyncpg

from browser_pool import UnifiedBrowserPool
from browser_pool.events import BrowserLaunched, EndpointDown, PoolEvent
from memory import MemoryGuard, by_role
from scraper.store import alarms, drafts, memory_history, opportunities, planned, runs, schedules
from scraper.store.database import Database
from scraper.store.freshness import Freshness, freshness, outcomes_over_time
from scraper.store.patience import is_database_trouble
from tidegate.health import LATE_AFTER, Check, Facts, readiness

ROWS_SECONDS: Final = 5.0
ROWS_DEADLINE_SECONDS: Final = 10.0
MOST_ROWS: Final = 25
MOST_TEXT: Final = 600
HISTORY_HOURS: Final = 24.0


class State:
    """Gathers. `close` it when nobody looks any more."""

    def __init__(
        self, guard: MemoryGuard, pool: UnifiedBrowserPool, database: Database, is_stopping: Callable[[], bool]
    ) -> None:
        self._guard = guard
        self._pool = pool
        self._database = database
        self._is_stopping = is_stopping
        self._endpoints_down: set[str] = set()
        self._endpoints_up: set[str] = set()
        self._rows: dict[str, Any] = {}
        self._freshness: Freshness | None = None
        self._database_says: str | None = "it was not asked yet"
        self._asked_at_seconds = -math.inf
        self._asking = asyncio.Lock()
        self.close: Callable[[], None] = pool.on_event(self._note)

    @property
    def freshness(self) -> Freshness | None:
        """As it was when the rows were read last; None where they could not be."""
        return self._freshness

    @property
    def last_rows(self) -> Mapping[str, Any]:
        """The rows as they were read last."""
        return self._rows

    async def now(self) -> dict[str, Any]:
        """All that the page shows, but for what has a history. Plain values, for JSON."""
        rows = await self.rows()
        return {
            "at": _plain(datetime.now(UTC)),
            "ready": [_plain(check) for check in await self.checks()],
            "memory": self._memory(),
            "pool": _plain(self._pool.view()),
            "database": self._database_says,
            **rows,
        }

    async def checks(self) -> tuple[Check, ...]:
        """Whether it can be relied on, and what is missing."""
        await self.rows()
        up = self._endpoints_up - self._endpoints_down
        return readiness(
            Facts(
                pages_opened=self._pool.statistics().pages_opened,
                can_browse=bool(up) or not self._endpoints_down,
                is_stopping=self._is_stopping(),
                freshness=self._freshness,
                database_says=self._database_says,
            )
        )

    async def rows(self) -> dict[str, Any]:
        """The rows, as of some seconds ago. Where the database does not answer, the last ones."""
        async with self._asking:
            if time.monotonic() - self._asked_at_seconds >= ROWS_SECONDS:
                await self._ask()
                self._asked_at_seconds = time.monotonic()
        return self._rows

    def forget_rows(self) -> None:
        """Something was changed: the next look asks the database."""
        self._asked_at_seconds = -math.inf

    async def history(self, hours: float) -> dict[str, Any]:
        """Memory and outcomes over the last hours. Raises as the database does."""
        since = datetime.now(UTC) - timedelta(hours=hours)
        async with asyncio.timeout(ROWS_DEADLINE_SECONDS):
            overview = await memory_history.overview(self._database, since=since, ladder_runs=2 * MOST_ROWS)
            outcomes = await outcomes_over_time(self._database, since=since)
        return {
            "since": _plain(since),
            "until": _plain(datetime.now(UTC)),
            "memory": _plain(overview.over_time),
            "ladder": _plain(overview.ladder_runs),
            "skips": _plain(overview.skips),
            "outcomes": _plain(outcomes),
        }

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(ROWS_DEADLINE_SECONDS):
                self._rows = await self._read()
            self._database_says = None
        except Exception as error:
            if not is_database_trouble(error):
                raise
            self._freshness = None
            self._rows = {**self._rows, "freshness": None}
            self._database_says = str(error) or "it did not answer in time"

    async def _read(self) -> dict[str, Any]:
        database = self._database
        self._freshness = await freshness(database, late_after=LATE_AFTER)
        parts: Mapping[str, Awaitable[Any]] = {
            "jobs": schedules.every(database),
            "runs": runs.recent(database, limit=MOST_ROWS),
            "alarms": alarms.raised(database),
            "opportunities": opportunities.best(database, limit=MOST_ROWS),
        }
        waiting = {
            "drafts": await _first(drafts.in_pages(database, state="waiting")),
            "planned": await _first(planned.in_pages(database, state="waiting")),
        }
        found = {name: _plain(await part) for name, part in parts.items()}
        for name, rows in waiting.items():
            # What a person decides on is shown to its end.
            found[name] = [_plain(row) | {"text": row["text"]} for row in rows]
        return {"freshness": _plain(self._freshness), **found}

    def _memory(self) -> dict[str, Any]:
        reading = self._guard.monitor.check_memory()
        budget, tree = self._guard.budget, self._guard.monitor.tree
        policy = self._guard.monitor.levels
        return {
            "level": reading.level.name.lower(),
            "marks": {"elevated": policy.elevated, "critical": policy.critical, "emergency": policy.emergency},
            "bounds": [_plain(bound) | {"source": bound.source} for bound in reading.bounds],
            "binding": reading.binding.source if reading.binding else None,
            "pressure": reading.pressure,
            "oom_kills": self._guard.monitor.oom_kills(),
            "unknowns": list(reading.unknowns),
            "promises": _plain(budget.statistics()),
            "components": [_plain(one) for one in budget.components(reading, tree)],
            "roles": {role.value: held for role, held in by_role(tree).items()},
        }

    def _note(self, event: PoolEvent) -> None:
        match event:
            case EndpointDown():
                self._endpoints_down.add(event.endpoint)
            case BrowserLaunched():
                self._endpoints_down.discard(event.endpoint)
                self._endpoints_up.add(event.endpoint)


async def _first(pages: Any) -> list[Any]:
    """The first rows of a query in pages."""
    async for page in pages:
        return list(page)[:MOST_ROWS]
    return []


def _plain(value: Any) -> Any:
    """A value as JSON can have it. Long texts are cut: this is for looking."""
    plain = value
    if isinstance(value, Enum):
        plain = value.name.lower()
    elif isinstance(value, str):
        plain = value if len(value) <= MOST_TEXT else f"{value[: MOST_TEXT - 1]}…"
    elif isinstance(value, datetime):
        plain = value.isoformat()
    elif is_dataclass(value) and not isinstance(value, type):
        plain = _plain(asdict(value))
    elif isinstance(value, Sequence):
        plain = [_plain(one) for one in value]
    elif isinstance(value, Mapping | asyncpg.Record):
        plain = {str(key): _plain(one) for key, one in value.items()}
    return plain
