"""The ladder: giving memory back step by step, gentlest first.

Whatever holds memory registers how to give it back, and on which rung. A run climbs until the reading is calm again,
or until the next rung costs more than the trouble is worth: what ends work in progress is for emergencies. It writes
down what each step freed: memory before and after, by the same reading that admission goes by. A step that freed
nothing is said to have freed nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import structlog

from memory.levels import Level
from memory.listeners import Listeners
from memory.readings import Reading

log = structlog.get_logger()

KEPT_REPORTS = 50
STOP_SECONDS = 2.0


class Rung(IntEnum):
    """The order of the steps, gentlest first."""

    CACHES = 1
    RECLAIM = 2
    CLOSE_IDLE = 3
    RECYCLE = 4
    REQUEUE = 5
    RESTART = 6


REACH = {
    Level.NORMAL: Rung.CLOSE_IDLE,
    Level.ELEVATED: Rung.CLOSE_IDLE,
    Level.CRITICAL: Rung.RECYCLE,
    Level.EMERGENCY: Rung.RESTART,
}
"""The highest rung that a run may take at each level: nothing in use is ended before memory is all but gone."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One way to give memory back. `relieve` says in a few words what it did."""

    name: str
    rung: Rung
    relieve: Callable[[], Awaitable[str]]
    deadline_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did. Bytes are of the bound that bound before it, None where nothing is known of that."""

    name: str
    rung: Rung
    detail: str
    before_bytes: int | None
    after_bytes: int | None
    seconds: float
    failed: bool = False

    @property
    def freed_bytes(self) -> int:
        """Never negative: a step during which others took memory has freed nothing that could be shown."""
        if self.before_bytes is None or self.after_bytes is None:
            return 0
        return max(0, self.before_bytes - self.after_bytes)


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """One run of the ladder. `is_calm` tells whether it reached what it was run for."""

    reason: str
    steps: tuple[StepReport, ...]
    is_calm: bool
    seconds: float

    @property
    def freed_bytes(self) -> int:
        """By all steps together."""
        return sum(step.freed_bytes for step in self.steps)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to leave the ladder alone after a run that brought no calm: twice as long each time, up to a limit.

    A run costs those who work; one that could not help will hardly help a moment later.
    """

    first_seconds: float = 3.0
    most_seconds: float = 30.0

    def after(self, pause_seconds: float, *, is_calm: bool) -> float:
        """The next pause, given the last one and whether the run that followed it reached what it was run for."""
        if is_calm:
            return self.first_seconds
        return min(self.most_seconds, max(self.first_seconds, 2 * pause_seconds))


class Ladder:
    """The registered steps, and the one run that is under way at most."""

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read
        self._steps: list[Step] = []
        self._listeners: Listeners[CleanupReport] = Listeners()
        self._abandoned: set[asyncio.Task[str]] = set()
        self._run: asyncio.Task[CleanupReport] | None = None
        self.reports: deque[CleanupReport] = deque(maxlen=KEPT_REPORTS)
        self.runs = 0
        self.freed_bytes = 0

    @property
    def is_running(self) -> bool:
        """While this is true, no lease starts."""
        return self._run is not None and not self._run.done()

    def register(self, step: Step) -> Callable[[], None]:
        """Add a way to give memory back. Call what is returned to take it out again; twice is harmless."""
        self._steps.append(step)
        self._steps.sort(key=lambda one: one.rung)

        def remove() -> None:
            if step in self._steps:
                self._steps.remove(step)

        return remove

    async def climb(
        self,
        reason: str,
        is_calm: Callable[[Reading], bool],
        *,
        reach: Callable[[Reading], Rung] = lambda _: Rung.RESTART,
        at_least: Rung | None = None,
    ) -> CleanupReport:
        """Run the steps until `is_calm`. Who asks while a run is under way waits for that run and gets its report.

        `reach` says before each step how high the run may go. Steps up to `at_least` are taken even in calm.

        The run goes on if the one who asked is cancelled: others may be waiting for it. A step that asks for a run
        gets an empty report: it would wait for itself. So does who waited for a run that was stopped.
        """
        if _is_step.get():
            return CleanupReport(f"{reason}: asked for by a step of a run", (), is_calm(self._read()), 0.0)
        if self._run is None or self._run.done():
            self._run = asyncio.create_task(self._climb(reason, is_calm, reach, at_least), name="ladder")
        run = self._run
        await asyncio.wait({run})
        if run.cancelled():
            return CleanupReport(f"{reason}: the run was stopped", (), is_calm(self._read()), 0.0)
        return run.result()

    def on_report(self, listener: Callable[[CleanupReport], None]) -> Callable[[], None]:
        """Call `listener` with every report; it must not block. Call what is returned to stop that."""
        return self._listeners.add(listener)

    async def stop(self) -> None:
        """End a run under way, and what is left of steps that did not end in time."""
        ending: list[asyncio.Task[Any]] = [*self._abandoned, *([self._run] if self._run is not None else [])]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending, timeout=STOP_SECONDS)

    async def _climb(
        self,
        reason: str,
        is_calm: Callable[[Reading], bool],
        reach: Callable[[Reading], Rung],
        at_least: Rung | None,
    ) -> CleanupReport:
        started = time.monotonic()
        done: list[StepReport] = []
        reading = self._read()
        for step in tuple(self._steps):
            if step not in self._steps:
                continue
            is_due = at_least is not None and step.rung <= at_least
            if not is_due and (is_calm(reading) or step.rung > reach(reading)):
                break
            done.append(await self._take(step, reading))
            reading = self._read()
        report = CleanupReport(reason, tuple(done), is_calm(reading), time.monotonic() - started)
        self.reports.append(report)
        self.runs += 1
        self.freed_bytes += report.freed_bytes
        log.info(
            "ladder.climbed",
            reason=reason,
            freed_bytes=report.freed_bytes,
            is_calm=report.is_calm,
            steps=[f"{step.name}: {step.detail}" for step in done],
        )
        self._listeners.tell(report)
        return report

    async def _take(self, step: Step, before: Reading) -> StepReport:
        started = time.monotonic()
        detail, failed = await self._relieve(step)
        source = before.binding.source if before.binding else None
        after = next((bound.used_bytes for bound in self._read().bounds if bound.source == source), None)
        seconds = time.monotonic() - started
        return StepReport(step.name, step.rung, detail, before.used_bytes, after, seconds, failed)

    async def _relieve(self, step: Step) -> tuple[str, bool]:
        """What the step says it did, and whether it failed. One that fails must not keep the next from being tried.

        It has a task of its own: one that does not even end when it is cancelled is left behind at its deadline.
        """
        task = asyncio.create_task(_as_step(step), name=f"ladder: {step.name}")
        try:
            await asyncio.wait({task}, timeout=step.deadline_seconds)
        finally:
            if not task.done():
                task.cancel()
                self._abandoned.add(task)
                task.add_done_callback(self._abandoned.discard)
                task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not task.done():
            return f"not done after {step.deadline_seconds:.0f} s", True
        if task.cancelled():
            return "it cancelled itself", True
        error = task.exception()
        if error is not None:
            log.error("ladder.step_failed", step=step.name, exc_info=error)
            return f"failed: {error}", True
        return task.result(), False


_is_step: ContextVar[bool] = ContextVar("is_step", default=False)


async def _as_step(step: Step) -> str:
    _is_step.set(True)
    return await step.relieve()
