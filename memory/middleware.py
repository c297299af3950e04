"""The middleware: what an operation wears instead of asking for memory itself.

    @memory_safe(need_mb=40, component="store")
    async def export() -> None: ...

    async with memory_safe(need_mb=40, critical=True, name="export") as permit: ...

The way of an operation: check and reserve in one step; where that is refused, have the ladder climbed and ask again;
what is refused then is skipped with the arithmetic, or, if it is critical, runs all the same and is told that it has
to be small; afterwards the promise is given back and the end is written down.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar, cast

import structlog

from memory.budget import Admission, Component, Reservation, mib
from memory.errors import SkippedForMemory
from memory.guard import MIB, Ending, MemoryGuard, Operation, current_guard, need_in_bytes

log = structlog.get_logger()

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Permit:
    """What a guarded operation may go by: `is_small` asks it to run in its smallest form."""

    admission: Admission
    is_small: bool


class memory_safe:  # noqa: N801 it is read as the decorator it is
    """Wear it, or enter it: check, reserve, run, release, record.

    `need_mb` is what the operation takes beside what it reserves itself, as leases do; `component` whose budget that
    comes from. `wait_seconds` is how long one that finds no room waits for it before it is skipped. Around an
    `async def` or in `async with` the ladder is climbed where room is missing; around a plain function, which can't
    wait, it is not.

    Raises `SkippedForMemory` instead of running, unless `critical`; ValueError for a need that is not a number.
    """

    def __init__(
        self,
        need_mb: float = 50,
        *,
        component: str = Component.OTHER,
        critical: bool = False,
        name: str | None = None,
        wait_seconds: float = 0.0,
        deadline_seconds: float | None = None,
        guard: MemoryGuard | None = None,
    ) -> None:
        self._need_bytes = need_in_bytes("need_mb", need_mb)
        self._component = component
        self._critical = critical
        self._name = name or "an operation"
        self._wait_seconds = _seconds("wait_seconds", wait_seconds)
        self._deadline_seconds = None if deadline_seconds is None else _seconds("deadline_seconds", deadline_seconds)
        self._chosen_guard = guard
        self._is_named = name is not None
        self._entered: list[_Entered] = []

    def __call__(self, function: F) -> F:
        """Guard every call of `function`, which keeps its own arguments, result and errors."""
        name = self._name if self._is_named else _name_of(function)
        if isinstance(function, staticmethod | classmethod):
            raise TypeError(f"{name}: put memory_safe under @staticmethod or @classmethod, next to the function")
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise TypeError(f"{name} is a generator: enter memory_safe around the loop that runs it")
        if _is_asynchronous(function):

            async def awaited(*args: Any, **kwargs: Any) -> Any:
                async with self._anew(name):
                    return await function(*args, **kwargs)

            return cast(F, functools.update_wrapper(awaited, function))

        def guarded(*args: Any, **kwargs: Any) -> Any:
            with self._anew(name):
                result = function(*args, **kwargs)
                if inspect.isawaitable(result):
                    if inspect.iscoroutine(result):
                        result.close()
                    raise TypeError(f"{name} gave something to await: write it as `async def`, so that it is guarded")
                return result

        return cast(F, functools.update_wrapper(guarded, function))

    async def __aenter__(self) -> Permit:
        guard = self._guard
        reservation, admission = self._reserve(guard)
        if reservation is None:
            reason = f"{self._name} needs {mib(self._need_bytes)}"
            await guard.make_room(self._need_bytes, reason, component=self._component, at_once=self._critical)
            reservation, admission = self._reserve(guard)
        if reservation is None and self._wait_seconds > 0:
            await guard.monitor.wait_for(
                lambda reading: guard.budget.decide(reading, self._need_bytes, self._component).is_safe,
                self._wait_seconds,
            )
            reservation, admission = self._reserve(guard)
        return self._begin(guard, reservation, admission)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    def __enter__(self) -> Permit:
        guard = self._guard
        return self._begin(guard, *self._reserve(guard))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    @property
    def _guard(self) -> MemoryGuard:
        return self._chosen_guard or current_guard()

    def _anew(self, name: str) -> memory_safe:
        """One for one call: a function may be running many times at once."""
        return memory_safe(
            self._need_bytes / MIB,
            component=self._component,
            critical=self._critical,
            name=name,
            wait_seconds=self._wait_seconds,
            deadline_seconds=self._deadline_seconds,
            guard=self._chosen_guard,
        )

    def _reserve(self, guard: MemoryGuard) -> tuple[Reservation | None, Admission]:
        return guard.budget.reserve(
            guard.monitor.check_memory(),
            self._need_bytes,
            owner=self._name,
            component=self._component,
            deadline_at_seconds=self._deadline_at_seconds(),
        )

    def _deadline_at_seconds(self) -> float | None:
        return None if self._deadline_seconds is None else time.monotonic() + self._deadline_seconds

    def _begin(self, guard: MemoryGuard, reservation: Reservation | None, admission: Admission) -> Permit:
        if reservation is None and not self._critical:
            guard.record(self._operation(Ending.SKIPPED, admission, 0.0))
            raise SkippedForMemory(self._name, self._component, admission)
        is_small = reservation is None
        if reservation is None:
            reservation = guard.budget.debit(
                self._need_bytes,
                owner=self._name,
                component=self._component,
                deadline_at_seconds=self._deadline_at_seconds(),
            )
            log.warning("operation.small", name=self._name, reason=admission.reason)
        permit = Permit(admission, is_small)
        self._entered.append(_Entered(guard, reservation, permit, time.monotonic(), _here()))
        return permit

    def _end(self, error: BaseException | None) -> None:
        # One object may be entered by many at once: each leaves what it has entered last.
        own = [one for one in self._entered if one.by == _here()]
        entered = (own or self._entered)[-1]
        self._entered.remove(entered)
        entered.guard.budget.release(entered.reservation)
        ending = Ending.FAILED if error else Ending.SMALL if entered.permit.is_small else Ending.DONE
        seconds = time.monotonic() - entered.began_seconds
        entered.guard.record(self._operation(ending, entered.permit.admission, seconds))

    def _operation(self, ending: Ending, admission: Admission, seconds: float) -> Operation:
        return Operation(self._name, self._component, self._need_bytes, ending, admission.reason, seconds)


@dataclass(frozen=True, slots=True, eq=False)
class _Entered:
    guard: MemoryGuard
    reservation: Reservation
    permit: Permit
    began_seconds: float
    by: int


def _here() -> int:
    """Who is running: a task, or where there is none, a thread."""
    try:
        return id(asyncio.current_task())
    except RuntimeError:
        return threading.get_ident()


def _is_asynchronous(function: Callable[..., Any]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    called = getattr(function, "__call__", None)  # noqa: B004 how it is called, not whether
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def _name_of(function: Callable[..., Any]) -> str:
    inner = getattr(function, "func", function)
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return f"{getattr(inner, '__module__', type(inner).__module__)}.{name}"


def _seconds(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ValueError(f"{name} is a number of seconds, 0 or more, not {value!r}")
    return value
