"""Memory history: what memory was like, what was done about it, and what work costs, kept over restarts.

`MemoryHistory` writes while it is entered: a sample every few seconds with the fullest moment since the last, every
run of the ladder, and every operation that was skipped or had to run small. It is an observer: a database that does
not answer costs it rows, and the program nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import structlog

from memory import CleanupReport, CostEstimator, Ending, MemoryGuard, Operation, Reading, by_role
from scraper.store.database import Database, sql
from scraper.store.errors import DatabaseUnavailable

log = structlog.get_logger()

SAMPLE_SECONDS = 10.0
KEEP = timedelta(days=14)
FORGET_EVERY_SECONDS = 3600.0
WRITE_SECONDS = 10.0
MOST_PENDING = 1000
"""Events that wait for the database. What comes beyond is let go, and how many is said."""

STRETCHES = 60
MOST_BIGINT = (1 << 63) - 1
_UNWRITABLE = (OSError, TimeoutError, DatabaseUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True, slots=True)
class MemoryOverview:
    """The history since some time. Rows are those of the queries with the same names."""

    over_time: list[asyncpg.Record]
    processes: list[asyncpg.Record]
    ladder_runs: list[asyncpg.Record]
    ladder_sums: asyncpg.Record | None
    skips: list[asyncpg.Record]


class MemoryHistory:
    """Keeps the history of one guard. What was learned of costs is restored on entering and saved from then on."""

    def __init__(
        self,
        database: Database,
        guard: MemoryGuard,
        *,
        every_seconds: float = SAMPLE_SECONDS,
        keep: timedelta = KEEP,
    ) -> None:
        self._database = database
        self._guard = guard
        self._every_seconds = every_seconds
        self._keep = keep
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._events: list[tuple[str, tuple[Any, ...]]] = []
        self._lost = 0
        self._fullest: Reading | None = None
        self._forget_at_seconds = 0.0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._guarded("restore", lambda: restore_costs(self._database, self._guard.costs))
        async with AsyncExitStack() as stack:
            stack.callback(self._guard.monitor.on_look(self._note_reading))
            stack.callback(self._guard.monitor.ladder.on_report(self._note_ladder))
            stack.callback(self._guard.on_operation(self._note_operation))
            stack.push_async_callback(self.write)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            stack.callback(group.create_task(self._keep_writing(), name="memory.history").cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def write(self) -> None:
        """Write a sample, the events since the last, and what was learned. Never raises for the database's sake."""
        await self._guarded("write", self._write)

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            await self.write()
            if time.monotonic() >= self._forget_at_seconds:
                self._forget_at_seconds = time.monotonic() + FORGET_EVERY_SECONDS
                await self._guarded("forget", lambda: forget(self._database, datetime.now(UTC) - self._keep))

    async def _guarded(self, what: str, work: Callable[[], Any]) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await work()
        except _UNWRITABLE as error:
            log.warning("memory.history_failed", what=what, error=str(error) or type(error).__name__)

    async def _write(self) -> None:
        events, fullest, sample = list(self._events), self._fullest, self._sample()
        costs = [(_text(name), seen) for name, seen in sorted(self._guard.costs.observations().items())]
        async with self._database.connection() as connection:
            async with connection.transaction():
                await connection.fetchval(sql("record_memory_sample"), *sample)
                if costs:
                    await connection.executemany(sql("record_memory_costs"), costs)
            for name, arguments in events:
                await self._write_event(connection, name, arguments)
        if self._fullest is fullest:
            self._fullest = None
        if self._lost:
            log.warning("memory.history_lost", events=self._lost)
            self._lost = 0

    async def _write_event(self, connection: Any, name: str, arguments: tuple[Any, ...]) -> None:
        """Write the oldest event and let go of it; one that no database would take is let go of, too."""
        try:
            await connection.fetchval(sql(name), *arguments)
        except (asyncpg.DataError, ValueError) as error:
            log.warning("memory.history_refused", event_kind=name, error=str(error))
        self._events.pop(0)

    def _sample(self) -> tuple[Any, ...]:
        monitor = self._guard.monitor
        reading = monitor.check_memory()
        fullest = self._fullest or reading
        book = self._guard.budget.statistics()
        peak = max(fullest.used_bytes or 0, reading.used_bytes or 0) if reading.used_bytes is not None else None
        components = self._guard.budget.components(reading, monitor.tree)
        return (
            self._process,
            datetime.now(UTC),
            max(fullest.level, reading.level).name.lower(),
            reading.limit_bytes,
            reading.used_bytes,
            peak,
            book.promised_bytes,
            book.unused_bytes,
            reading.pressure,
            reading.oom_kills,
            reading.binding.source if reading.binding else None,
            {role.value: held for role, held in by_role(monitor.tree).items()},
            {
                one.component: {
                    "budget": one.budget_bytes,
                    "promised": one.promised_bytes,
                    "unused": one.unused_bytes,
                    "held": one.held_bytes,
                }
                for one in components
            },
        )

    def _note_reading(self, reading: Reading) -> None:
        fullest = self._fullest
        if fullest is None or (reading.level, reading.share or 0.0) > (fullest.level, fullest.share or 0.0):
            self._fullest = reading

    def _note_ladder(self, report: CleanupReport) -> None:
        steps = [
            {
                "name": _text(step.name),
                "rung": int(step.rung),
                "detail": _text(step.detail),
                "before": step.before_bytes,
                "after": step.after_bytes,
                "freed": step.freed_bytes,
                "seconds": round(step.seconds, 3),
                "failed": step.failed,
            }
            for step in report.steps
        ]
        self._note(
            "record_ladder_run",
            (_text(report.reason), report.is_calm, report.freed_bytes, report.seconds, steps),
        )

    def _note_operation(self, operation: Operation) -> None:
        if operation.ending in {Ending.SKIPPED, Ending.SMALL}:
            self._note(
                "record_memory_skip",
                (
                    _text(operation.component),
                    _text(operation.name),
                    operation.ending.value,
                    min(operation.need_bytes, MOST_BIGINT),
                    _text(operation.reason),
                ),
            )

    def _note(self, query: str, facts: tuple[Any, ...]) -> None:
        if len(self._events) >= MOST_PENDING:
            self._lost += 1
        else:
            self._events.append((query, (self._process, datetime.now(UTC), *facts)))


def _text(value: str) -> str:
    """As a database takes it: names come from anywhere."""
    return value.encode("utf-8", "replace").decode().replace("\0", "?")


async def restore_costs(database: Database, costs: CostEstimator) -> None:
    """Take over what earlier runs have learned."""
    rows = await database.fetch("memory_costs")
    costs.restore({row["name"]: row["observations"] for row in rows})


async def forget(database: Database, before: datetime) -> int:
    """Remove the history from before that time. Returns how many rows that were."""
    row = await database.fetchrow("forget_memory_history", before)
    return int(row["rows"]) if row else 0


async def overview(database: Database, *, since: datetime, ladder_runs: int = 10) -> MemoryOverview:
    """The history since that time, in `STRETCHES` stretches; the ladder's last runs, newest first."""
    stretch = max(timedelta(seconds=1), (datetime.now(UTC) - since) / STRETCHES)
    return MemoryOverview(
        over_time=await database.fetch("memory_over_time", since, stretch),
        processes=await database.fetch("latest_memory_samples", since),
        ladder_runs=await database.fetch("ladder_runs_since", since, ladder_runs),
        ladder_sums=await database.fetchrow("ladder_sums_since", since),
        skips=await database.fetch("memory_skips_since", since),
    )
