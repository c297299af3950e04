"""The question every operation asks first: is there memory for this?

A `MemoryGuard` is one monitor, one book of reservations and one memory of costs: what a program has one of. While it
is entered it is the current guard, which `memory_safe` and `is_memory_safe_for_operation` go by.
"""

from __future__ import annotations

import functools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import structlog

from memory import trim
from memory.budget import Component, MemoryBudget, mib
from memory.cache import ByteBudgetCache
from memory.cleanup import CleanupReport, Patience, Rung, Step
from memory.costs import CostEstimator
from memory.listeners import Listeners
from memory.monitor import MemoryMonitor
from memory.readings import Reading

log = structlog.get_logger()

MIB = 1 << 20
KEPT_OPERATIONS = 100
MOST_MIB = 1 << 40
"""An exbibyte: more than any machine has."""

PATIENCE = Patience(first_seconds=1.0, most_seconds=16.0)


@dataclass(frozen=True, slots=True)
class Safety:
    """The answer: figures in MiB, None where no limit is known, and the reason in words and numbers."""

    safe: bool
    current_mb: float | None
    available_mb: float | None
    reason: str


class Ending(StrEnum):
    """What became of an operation. `small`: it was critical, and ran although there was no room for it."""

    DONE = "done"
    SMALL = "small"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Operation:
    """One guarded operation that is over. `reason` has the arithmetic of its admission."""

    name: str
    component: str
    need_bytes: int
    ending: Ending
    reason: str
    seconds: float


class MemoryGuard:
    """All that a program needs to be safe with memory. Without arguments it looks at its own process tree.

    Entered, it is the current guard, looks in the background, and gives the heap back as the ladder's first step.
    """

    def __init__(self, monitor: MemoryMonitor | None = None, budget: MemoryBudget | None = None) -> None:
        self.monitor = monitor or MemoryMonitor()
        self.budget = budget or MemoryBudget()
        self.costs = CostEstimator()
        self.operations: deque[Operation] = deque(maxlen=KEPT_OPERATIONS)
        self.endings: Counter[tuple[str, Ending]] = Counter()
        self._listeners: Listeners[Operation] = Listeners()
        self._room_pause_seconds = 0.0
        self._room_again_at_seconds = 0.0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.monitor)
            stack.callback(self.register(trim.step()))
            stack.callback(self.monitor.on_look(self.budget.observe))
            stack.enter_context(_serving(self))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def register(self, step: Step) -> Callable[[], None]:
        """Add a way to give memory back to the ladder. Call what is returned to take it out again."""
        return self.monitor.ladder.register(step)

    def is_memory_safe_for_operation(self, need_mb: float = 50, threshold_mb: float | None = None) -> Safety:
        """May an operation that needs `need_mb` start now? It goes by a reading taken now, and promises nothing.

        Raises ValueError for a need or threshold that is not a number of MiB.
        """
        return safety(self.monitor.check_memory(), self.budget, need_mb, threshold_mb)

    async def make_room(
        self,
        need_bytes: int,
        reason: str,
        *,
        component: str = Component.OTHER,
        highest: Rung = Rung.RESTART,
        at_once: bool = False,
    ) -> CleanupReport | None:
        """Have the ladder climbed until `need_bytes` could be promised, up to `highest` at most.

        None, and nothing is done, where no clean-up can help: the need is more than the whole limit, or the budget of
        the component is what is missing. Nor is it done again soon after it has brought no room, unless `at_once`.
        """

        def has_room(reading: Reading) -> bool:
            return self.budget.decide(reading, need_bytes, component).is_safe

        def reach(reading: Reading) -> Rung:
            return min(highest, self.monitor.reach(reading))

        admission = self.budget.decide(self.monitor.check_memory(), need_bytes, component)
        can_fit = admission.limit_bytes is None or need_bytes <= admission.limit_bytes - admission.margin_bytes
        if admission.over_budget is not None or not can_fit:
            return None
        if not at_once and time.monotonic() < self._room_again_at_seconds:
            return None
        ladder = self.monitor.ladder
        is_shared = ladder.is_running
        report = await ladder.climb(reason, has_room, reach=reach)
        if is_shared and not has_room(self.monitor.check_memory()):
            # That run was for somebody who needed less.
            report = await ladder.climb(reason, has_room, reach=reach)
        self._room_pause_seconds = PATIENCE.after(self._room_pause_seconds, is_calm=report.is_calm)
        pause = 0.0 if report.is_calm else self._room_pause_seconds
        self._room_again_at_seconds = time.monotonic() + pause
        return report

    def cache(
        self, name: str, limit_bytes: int, *, size_of: Callable[[Any], int] | None = None
    ) -> ByteBudgetCache[Any, Any]:
        """A new cache of at most `limit_bytes`, registered with the ladder under `name`."""
        cache: ByteBudgetCache[Any, Any] = ByteBudgetCache(limit_bytes, size_of=size_of)
        self.register(cache.step(name))
        return cache

    def on_operation(self, listener: Callable[[Operation], None]) -> Callable[[], None]:
        """Call `listener` with every operation that is over or was skipped. Call what is returned to stop that."""
        return self._listeners.add(listener)

    def record(self, operation: Operation) -> None:
        """Write down what became of an operation."""
        self.operations.append(operation)
        self.endings[operation.component, operation.ending] += 1
        if operation.ending is Ending.SKIPPED:
            log.warning("operation.skipped", name=operation.name, reason=operation.reason)
        self._listeners.tell(operation)


_guards: list[MemoryGuard] = []
"""Those that are entered, the current one last. Memory is one for the process, and so is this."""


@contextmanager
def _serving(guard: MemoryGuard) -> Iterator[None]:
    _guards.append(guard)
    try:
        yield
    finally:
        _guards.remove(guard)


def current_guard() -> MemoryGuard:
    """The guard entered last; where there is none, one that looks only when it is asked."""
    return _guards[-1] if _guards else _unattended()


@functools.cache
def _unattended() -> MemoryGuard:
    return MemoryGuard()


def is_memory_safe_for_operation(need_mb: float = 50, threshold_mb: float | None = None) -> Safety:
    """May an operation that needs `need_mb` start now? See `MemoryGuard.is_memory_safe_for_operation`."""
    return current_guard().is_memory_safe_for_operation(need_mb, threshold_mb)


def safety(reading: Reading, budget: MemoryBudget, need_mb: float = 50, threshold_mb: float | None = None) -> Safety:
    """May an operation that needs `need_mb` start, in view of a reading and what is promised? Pure.

    Without `threshold_mb` it goes by the limit: what is not used, not promised and not margin must cover the need.
    The level has no say: it falls only after a while, and this is about now. With a threshold, used memory plus the
    need must also stay under it; one that is over the limit changes nothing, and the reason says so.

    Raises ValueError for a need or threshold that is not a number of MiB.
    """
    need_bytes = need_in_bytes("need_mb", need_mb)
    threshold_bytes = None if threshold_mb is None else need_in_bytes("threshold_mb", threshold_mb)
    admission = budget.decide(reading, need_bytes)
    used, limit = admission.used_bytes, admission.limit_bytes
    current = None if used is None else used / MIB
    available = None if admission.available_bytes is None else admission.available_bytes / MIB
    if threshold_bytes is None or used is None or limit is None:
        return Safety(admission.is_safe, current, available, _with_unknowns(admission.reason, reading))
    if threshold_bytes > limit:
        reason = f"{admission.reason}; the threshold {mib(threshold_bytes)} is over the limit, which decides"
        return Safety(admission.is_safe, current, available, reason)
    left_bytes = threshold_bytes - used - admission.promised_bytes
    available = min(admission.available_bytes or 0, left_bytes) / MIB
    if need_bytes > left_bytes:
        sum_up = f"{mib(used)} used and {mib(admission.promised_bytes)} promised"
        reason = f"{mib(need_bytes)} needed on top of {sum_up} is over the threshold {mib(threshold_bytes)}"
        return Safety(False, current, available, reason)
    return Safety(admission.is_safe, current, available, admission.reason)


def _with_unknowns(reason: str, reading: Reading) -> str:
    return reason if reading.bounds or not reading.unknowns else f"{reason} ({'; '.join(reading.unknowns)})"


def need_in_bytes(name: str, value_mb: object) -> int:
    """A number of MiB in bytes. Raises ValueError for what is none."""
    is_number = isinstance(value_mb, int | float) and not isinstance(value_mb, bool)
    if not isinstance(value_mb, int | float) or not is_number or not 0 <= value_mb <= MOST_MIB:
        raise ValueError(f"{name} is a number of MiB, 0 or more, not {value_mb}")
    return int(value_mb * MIB)
