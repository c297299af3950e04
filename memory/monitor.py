"""MemoryMonitor: the one who looks.

`check_memory` reads anew at each call. While the monitor is entered, two background looks run: a quick one that
keeps the level and starts the ladder when it rises, and a slow one, off the event loop, that knows which process
holds what.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

import structlog

from memory.cleanup import CleanupReport, Ladder, Patience
from memory.levels import Level, LevelPolicy, LevelState, next_state
from memory.processes import ProcessMemory, process_tree, total_bytes
from memory.readings import MemorySource, Reading

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """How often to look, and how soon the ladder is climbed again by itself. A level that rises does not wait."""

    look_every_seconds: float = 0.25
    tree_every_seconds: float = 2.0
    patience: Patience = field(default_factory=Patience)


class MemoryMonitor:
    """One for the whole program: the level, the ladder and the process tree hang on it."""

    def __init__(
        self,
        source: MemorySource | None = None,
        *,
        levels: LevelPolicy | None = None,
        watch: WatchPolicy | None = None,
    ) -> None:
        self._source = source or MemorySource()
        self._levels = levels or LevelPolicy()
        self._watch = watch or WatchPolicy()
        self._state = LevelState()
        self._extra_roots: set[int] = set()
        self._listeners: list[Callable[[Reading], None]] = []
        self._stack = AsyncExitStack()
        self._climb_again_at_seconds = 0.0
        self._climbed_at_level = Level.NORMAL
        self._pause_seconds = 0.0
        self.ladder = Ladder(self.check_memory)
        self.tree: tuple[ProcessMemory, ...] = ()
        self.peak_used_bytes = 0
        self.peak_tree: tuple[ProcessMemory, ...] = ()
        self._oom_kills_at_start = self._source.read().oom_kills

    async def __aenter__(self) -> Self:
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        for task in (
            group.create_task(self._keep_looking(), name="memory.look"),
            group.create_task(self._keep_measuring(), name="memory.tree"),
        ):
            self._stack.callback(task.cancel)
        self._stack.push_async_callback(self.ladder.stop)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def check_memory(self) -> Reading:
        """One look, now, with the level it puts us at. Costs tens of microseconds and never waits."""
        reading = self._source.read()
        self._state = next_state(self._state, reading.share, reading.pressure, reading.at_seconds, self._levels)
        self.peak_used_bytes = max(self.peak_used_bytes, reading.used_bytes or 0)
        return dataclasses.replace(reading, level=self._state.level)

    async def process_tree(self) -> tuple[ProcessMemory, ...]:
        """Who holds memory, measured now, off the event loop."""
        self.tree = await asyncio.to_thread(process_tree, tuple(self._extra_roots))
        self.peak_tree = max(self.peak_tree, self.tree, key=total_bytes)
        return self.tree

    async def emergency_cleanup(self, reason: str = "asked for") -> CleanupReport:
        """Climb the ladder until memory is calm: below the first mark by the margin that levels are left with."""
        report = await self.ladder.climb(reason, self.is_calm)
        self._pause_seconds = self._watch.patience.after(self._pause_seconds, is_calm=report.is_calm)
        self._climb_again_at_seconds = time.monotonic() + self._pause_seconds
        self._climbed_at_level = self._state.level
        return report

    def is_calm(self, reading: Reading) -> bool:
        """Far enough below the first mark that the level would fall to normal."""
        return (reading.share or 0.0) < self._levels.elevated - self._levels.calm_below

    def oom_kills(self) -> int | None:
        """Kills by the kernel in our cgroup since this monitor was made; None where the kernel does not count."""
        now = self._source.read().oom_kills
        return None if now is None or self._oom_kills_at_start is None else now - self._oom_kills_at_start

    def count_also(self, pid: int) -> None:
        """Count the tree of `pid` as ours: a server that we use and that is not our child."""
        self._extra_roots.add(pid)

    def on_look(self, listener: Callable[[Reading], None]) -> Callable[[], None]:
        """Call `listener` with every background reading; it must not block. Call what is returned to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def _keep_looking(self) -> None:
        level = Level.NORMAL
        while True:
            reading = self.check_memory()
            if reading.level is not level:
                log.info("memory.level", before=level.name.lower(), now=reading.level.name.lower(), **_facts(reading))
                level = reading.level
            # A level that has fallen and rises again is news.
            self._climbed_at_level = min(self._climbed_at_level, reading.level)
            for listener in tuple(self._listeners):
                listener(reading)
            if reading.level > Level.NORMAL and not self.is_calm(reading) and self._may_climb(reading.level):
                await self.emergency_cleanup(f"level {reading.level.name.lower()}")
            await asyncio.sleep(self._watch.look_every_seconds)

    async def _keep_measuring(self) -> None:
        while True:
            await self.process_tree()
            await asyncio.sleep(self._watch.tree_every_seconds)

    def _may_climb(self, level: Level) -> bool:
        return level > self._climbed_at_level or time.monotonic() >= self._climb_again_at_seconds


def _facts(reading: Reading) -> dict[str, object]:
    bound = reading.binding
    return {
        "used_bytes": reading.used_bytes,
        "limit_bytes": reading.limit_bytes,
        "bound_by": bound.source if bound else None,
    }
