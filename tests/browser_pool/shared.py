"""Pools that many tests share: a browser is launched once for each driver, and every test leaves it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from browser_pool import PoolSettings, UnifiedBrowserPool
from browser_pool.context import ContextState
from memory import Bound, MemoryGuard, MemoryMonitor, MemorySource, Reading

MIB = 1 << 20


class Dial(MemorySource):
    """A source of readings whose reading the test turns."""

    def __init__(self) -> None:
        super().__init__()
        self.used_mb = 100
        self.limit_mb = 4000

    def read(self) -> Reading:
        now = super().read()
        bound = Bound("cgroup v2", "/box", self.limit_mb * MIB, self.used_mb * MIB)
        return Reading(now.at_seconds, (bound,), None, 0)


@asynccontextmanager
async def sharing(chromium: Path, *, slots: int, needs_page: bool) -> AsyncIterator[UnifiedBrowserPool]:
    """Opens a pool with as much memory as it likes."""
    async with MemoryMonitor(Dial()) as monitor:
        settings = PoolSettings(chromium=chromium, max_contexts=slots, needs_page=needs_page)
        async with UnifiedBrowserPool(settings, guard=MemoryGuard(monitor)) as pool:
            yield pool


async def is_as_it_was(pool: UnifiedBrowserPool, eventually: Callable[[Callable[[], bool]], Awaitable[None]]) -> None:
    """Waits until no lease is left, and closes the idle contexts. Fails where a test has lost the browser."""
    table = pool._table
    await eventually(lambda: not table.leases and all(one.state is ContextState.FREE for one in table.contexts))
    await pool._relief.close_idle()
    assert pool.statistics().browsers_lost == 0
