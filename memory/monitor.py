"""MemoryMonitor: the one who looks.

`check_memory` reads anew at each call. While the monitor is entered, two background looks run: a quick one that
keeps the level and starts the ladder when it rises or the kernel has killed something, and a slow one, off the event
loop, that knows which process holds what. The slow one takes its own cost into account.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Self

import structlog

from memory.cleanup import REACH, CleanupReport, Ladder, Patience, Rung
from memory.levels import Level, LevelPolicy, LevelState, level_of, next_state
from memory.listeners import Listeners
from memory.processes import ProcessMemory, process_tree, total_bytes
from memory.readings import MemorySource, Reading

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """How often to look, and how soon the ladder is climbed again by itself. A level that rises does not wait.

    Measuring who holds what takes the kernel a while where processes are many or large: it may take `tree_share` of
    one core and is done more seldom where `tree_every_seconds` would take more.
    """

    look_every_seconds: float = 0.25
    tree_every_seconds: float = 2.0
    tree_share: float = 0.005
    patience: Patience = field(default_factory=Patience)

    def tree_pause_seconds(self, cost_seconds: float) -> float:
        """How long to wait after a measurement that has cost so much processor time."""
        return max(self.tree_every_seconds, cost_seconds / self.tree_share)


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
        self._listeners: Listeners[Reading] = Listeners()
        self._stack = AsyncExitStack()
        self._climb_again_at_seconds = 0.0
        self._climbed_at_level = Level.NORMAL
        self._pause_seconds = 0.0
        self.ladder = Ladder(self.check_memory)
        self.tree: tuple[ProcessMemory, ...] = ()
        self._tree_cost_seconds = 0.0
        self.peak_used_bytes = 0
        self.peak_tree: tuple[ProcessMemory, ...] = ()
        self._oom_kills_seen = self._source.read().oom_kills
        self._oom_kills = 0
        self._kills_to_answer = 0

    async def __aenter__(self) -> Self:
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._stack.push_async_callback(self.ladder.stop)
        for task in (
            group.create_task(self._keep_looking(), name="memory.look"),
            group.create_task(self._keep_measuring(), name="memory.tree"),
        ):
            self._stack.callback(task.cancel)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def check_memory(self) -> Reading:
        """One look, now, with the level it puts us at. Costs tens of microseconds and never waits."""
        reading = self._source.read()
        new_kills = self._count_kills(reading.oom_kills)
        self._state = next_state(
            self._state,
            reading.share,
            reading.pressure,
            reading.at_seconds,
            self._levels,
            was_killed=new_kills > 0,
        )
        self.peak_used_bytes = max(self.peak_used_bytes, reading.used_bytes or 0)
        return dataclasses.replace(reading, level=self._state.level)

    async def process_tree(self) -> tuple[ProcessMemory, ...]:
        """Who holds memory, measured now, off the event loop."""
        self.tree, self._tree_cost_seconds = await asyncio.to_thread(_measured, tuple(self._extra_roots))
        self.peak_tree = max(self.peak_tree, self.tree, key=total_bytes)
        return self.tree

    async def emergency_cleanup(
        self, reason: str = "asked for", *, at_least: Rung | None = Rung.CLOSE_IDLE
    ) -> CleanupReport:
        """Climb the ladder until memory is calm: below the first mark by the margin that levels are left with.

        Whoever asks for it in calm has a reason: then the steps up to `at_least` are taken, which end no work. How
        high it goes otherwise depends on how full memory is before each step; see `memory.cleanup.REACH`.
        """
        is_calm = self.is_calm(self.check_memory())
        return await self._clean_up(reason, at_least=at_least if is_calm else None)

    async def wait_for(self, is_met: Callable[[Reading], bool], seconds: float) -> bool:
        """Look until a reading is as it should be, for so long at most. Whether it came to that."""
        until = time.monotonic() + seconds
        while not is_met(self.check_memory()):
            left = until - time.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(left, self._watch.look_every_seconds))
        return True

    async def _clean_up(self, reason: str, *, at_least: Rung | None) -> CleanupReport:
        report = await self.ladder.climb(reason, self.is_calm, reach=self.reach, at_least=at_least)
        self._pause_seconds = self._watch.patience.after(self._pause_seconds, is_calm=report.is_calm)
        self._climb_again_at_seconds = time.monotonic() + self._pause_seconds
        self._climbed_at_level = self._state.level
        return report

    def reach(self, reading: Reading) -> Rung:
        """The highest rung that may be taken in view of a reading alone: the level is slow to fall."""
        return REACH[level_of(reading.share, reading.pressure, self._levels)]

    def is_calm(self, reading: Reading) -> bool:
        """Far enough below the first mark that the level would fall to normal; where nothing is known, too."""
        return (reading.share or 0.0) < self._levels.elevated - self._levels.calm_below

    @property
    def levels(self) -> LevelPolicy:
        """Where the levels begin."""
        return self._levels

    def oom_kills(self) -> int | None:
        """Kills by the kernel in our cgroup since this monitor was made; None where the kernel does not count."""
        return None if self.check_memory().oom_kills is None else self._oom_kills

    def count_also(self, pid: int) -> None:
        """Count the tree of `pid` as ours: a server that we use and that is not our child."""
        self._extra_roots.add(pid)

    def on_look(self, listener: Callable[[Reading], None]) -> Callable[[], None]:
        """Call `listener` with every background reading; it must not block. Call what is returned to stop that."""
        return self._listeners.add(listener)

    async def _keep_looking(self) -> None:
        before: Reading | None = None
        relieving: asyncio.Task[None] | None = None
        try:
            while True:
                with _going_on("look"):
                    reading = self.check_memory()
                    self._tell_changes(before or reading, reading)
                    before = reading
                    # A level that has fallen and rises again is news.
                    self._climbed_at_level = min(self._climbed_at_level, reading.level)
                    self._listeners.tell(reading)
                    # In a task of its own: the worst seconds are the ones to keep looking in.
                    if relieving is None or relieving.done():
                        relieving = asyncio.create_task(self._relieve(reading), name="memory.relieve")
                await asyncio.sleep(self._watch.look_every_seconds)
        finally:
            if relieving is not None:
                relieving.cancel()
                await asyncio.gather(relieving, return_exceptions=True)

    def _tell_changes(self, before: Reading, now: Reading) -> None:
        if now.level is not before.level:
            log.info("memory.level", before=before.level.name.lower(), now=now.level.name.lower(), **_facts(now))
        if _needed_files(now) > 2 * _needed_files(before):
            # Told once, and again when it is far more: it is forgotten slowly.
            log.warning(
                "memory.programs_read_again",
                needed_files_bytes=_needed_files(now),
                advice="too little memory for the programs that run, or a disk that reads far ahead: tidegate doctor",
                **_facts(now),
            )
        limits = {bound.source: bound.limit_bytes for bound in before.bounds}
        for bound in now.bounds:
            limit = limits.get(bound.source, bound.limit_bytes)
            if limit != bound.limit_bytes:
                log.warning(
                    "memory.limit_changed", where=bound.source, before_bytes=limit, limit_bytes=bound.limit_bytes
                )

    def _count_kills(self, oom_kills: int | None) -> int:
        """How many are new. A count that can't be read for a moment changes nothing."""
        if oom_kills is None:
            return 0
        new = 0 if self._oom_kills_seen is None else max(0, oom_kills - self._oom_kills_seen)
        self._oom_kills_seen = oom_kills
        self._oom_kills += new
        self._kills_to_answer += new
        return new

    async def _relieve(self, reading: Reading) -> None:
        """Climb the ladder if this reading calls for it."""
        with _going_on("relieve"):
            kills, self._kills_to_answer = self._kills_to_answer, 0
            if kills:
                # A kill frees memory, so the reading may look calm; what led to it is still there.
                log.warning("memory.oom_kill", kills=kills, **_facts(reading))
                await self._clean_up(f"the kernel has killed {kills} for memory", at_least=Rung.RECLAIM)
            elif reading.level > Level.NORMAL and not self.is_calm(reading) and self._may_climb(reading.level):
                await self._clean_up(f"level {reading.level.name.lower()}", at_least=None)

    async def _keep_measuring(self) -> None:
        while True:
            with _going_on("measure"):
                await self.process_tree()
                if await asyncio.to_thread(self._source.rediscover):
                    # Other cgroups have counted other kills.
                    self._oom_kills_seen = None
                    log.warning("memory.cgroup_changed", **_facts(self.check_memory()))
            await asyncio.sleep(self._watch.tree_pause_seconds(self._tree_cost_seconds))

    def _may_climb(self, level: Level) -> bool:
        return level > self._climbed_at_level or time.monotonic() >= self._climb_again_at_seconds


@contextmanager
def _going_on(what: str) -> Iterator[None]:
    """Watching goes on, whatever went wrong with one look: it is there for when things go wrong."""
    try:
        yield
    except Exception:  # said, and tried again at the next look
        log.exception("memory.watch_failed", what=what)


def _measured(extra_roots: tuple[int, ...]) -> tuple[tuple[ProcessMemory, ...], float]:
    """The process tree and the processor time that measuring it took, in seconds. Blocking."""
    started = time.thread_time()
    tree = process_tree(extra_roots)
    return tree, time.thread_time() - started


def _needed_files(reading: Reading) -> int:
    """File pages that count as used, at the limit where most do."""
    return max((bound.needed_files_bytes or 0 for bound in reading.bounds), default=0)


def _facts(reading: Reading) -> dict[str, object]:
    bound = reading.binding
    return {
        "used_bytes": reading.used_bytes,
        "limit_bytes": reading.limit_bytes,
        "bound_by": bound.source if bound else None,
    }
