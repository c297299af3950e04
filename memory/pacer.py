"""How large the next batch of long work may be, and when the work has to stop.

A `BatchPacer` is asked before each batch: half as large while memory is tight, twice as large when it is calm again,
within the bounds of a `BatchPolicy`. Where memory is too short to go on, it has the ladder climbed and waits a while;
then the work stops, and says so. Work that is critical goes on in its smallest form instead.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

import structlog

from memory.budget import mib
from memory.guard import current_guard
from memory.levels import Level
from memory.monitor import MemoryMonitor
from memory.readings import Reading

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How large a batch may be, in items, and when long work gives up.

    After every `look_every_batches` the ladder is climbed if memory is not calm. From the level `stop_at` on, no
    batch begins; the work waits for the level to fall, for `wait_seconds` at most each time.

    Raises ValueError for a setting that makes no sense.
    """

    size: int = 20
    floor: int = 2
    look_every_batches: int = 5
    wait_seconds: float = 30.0
    stop_at: Level = Level.CRITICAL

    def __post_init__(self) -> None:
        must_be_whole("size", self.size, 1)
        must_be_whole("floor", self.floor, 1, self.size)
        must_be_whole("look_every_batches", self.look_every_batches, 1)
        seconds: object = self.wait_seconds
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not is_number or not math.isfinite(self.wait_seconds) or self.wait_seconds < 0:
            raise ValueError(f"wait_seconds is a number of seconds, 0 or more, not {seconds!r}")
        level: object = self.stop_at
        if not isinstance(level, Level) or level is Level.NORMAL:
            raise ValueError(f"stop_at is a Level above NORMAL, not {level!r}")


def next_size(size: int, policy: BatchPolicy, level: Level) -> int:
    """How large the next batch may be, given the last one. Pure.

    Half as large while memory is tight, twice as large when it is not, within the policy's bounds. In an emergency it
    is the smallest at once.
    """
    if level is Level.EMERGENCY:
        return policy.floor
    if level > Level.NORMAL:
        return max(policy.floor, size // 2)
    return min(policy.size, size * 2)


class BatchPacer:
    """Asked before each batch. One for each piece of long work; `what` is what logs and reports call it.

    Without a `monitor` it goes by that of the current guard.

    `batches` counts the sizes it has given, `smallest` is the least of them (0 before the first), `waited_seconds`
    how long it waited for memory in all. `stopped_early` tells why the work had to stop, None as long as it need not.
    """

    def __init__(
        self,
        monitor: MemoryMonitor | None = None,
        policy: BatchPolicy | None = None,
        *,
        what: str,
        is_critical: bool = False,
    ) -> None:
        self._monitor = monitor or current_guard().monitor
        self._policy = policy or BatchPolicy()
        self._what = what
        self._is_critical = is_critical
        self._size = self._policy.size
        self._goes_on_regardless = False
        self.batches = 0
        self.smallest = 0
        self.waited_seconds = 0.0
        self.stopped_early: str | None = None

    async def next_size(self) -> int | None:
        """How many items the next batch may have; None if there may be none any more. Looks at memory anew.

        Holds nothing up while memory is calm. Let go of the last batch before you ask: this may wait.
        """
        if self.stopped_early is not None:
            return None
        # Work that never waits for anything would keep everybody else waiting.
        await asyncio.sleep(0)
        reading = await self._look()
        if self._is_short(reading) and not self._goes_on_regardless:
            reading = await self._wait()
            if self._is_short(reading) and not self._is_critical:
                self.stop(self._why(reading))
                return None
        self._goes_on_regardless = self._is_short(reading)
        level = Level.EMERGENCY if self._goes_on_regardless else reading.level
        self._size = next_size(self._size, self._policy, level)
        self.batches += 1
        self.smallest = min(self.smallest or self._size, self._size)
        return self._size

    def stop(self, reason: str) -> None:
        """Give no size any more, and say why."""
        self.stopped_early = reason
        log.warning("batch.stopped_early", what=self._what, reason=reason, batches=self.batches)

    async def _look(self) -> Reading:
        """One look, and one more after the ladder if memory is short or a thorough look is due."""
        reading = self._monitor.check_memory()
        is_due = self.batches > 0 and self.batches % self._policy.look_every_batches == 0
        is_news = self._is_short(reading) and not self._goes_on_regardless
        if is_news or (is_due and reading.level > Level.NORMAL):
            level = reading.level.name.lower()
            reason = f"{self._what}: level {level} after {self.batches} batches"
            await self._monitor.emergency_cleanup(reason, at_least=None)
            reading = self._monitor.check_memory()
        return reading

    async def _wait(self) -> Reading:
        """Wait for the level to fall, as long as the policy allows. The last reading."""
        last: list[Reading] = []

        def is_met(reading: Reading) -> bool:
            last[:] = [reading]
            return not self._is_short(reading)

        began_seconds = time.monotonic()
        try:
            await self._monitor.wait_for(is_met, self._policy.wait_seconds)
        finally:
            self.waited_seconds += time.monotonic() - began_seconds
        return last[0]

    def _is_short(self, reading: Reading) -> bool:
        return reading.level >= self._policy.stop_at

    def _why(self, reading: Reading) -> str:
        bound = reading.binding
        held = "what is used is not known"
        if bound is not None:
            held = f"{mib(bound.used_bytes)} of {mib(bound.limit_bytes)} used ({bound.source})"
        return f"memory stayed at the level {reading.level.name.lower()}: {held}, waited {self.waited_seconds:.1f} s"


def must_be_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    """Raises ValueError for a value that is no whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        bounds = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} is a whole number, {bounds}, not {value!r}")
