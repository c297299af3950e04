"""A pool over real Chromium, memory that the test sets, and sight of what the pool has started."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from browser_pool import PoolSettings, UnifiedBrowserPool
from memory import (
    LevelPolicy,
    MemoryBudget,
    MemoryGuard,
    MemoryMonitor,
    Patience,
    WatchPolicy,
)
from tests.browser_pool.shared import Dial, is_as_it_was, sharing

PATIENCE_SECONDS = 15.0

MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def dial() -> Dial:
    return Dial()


@pytest.fixture
async def monitor(dial: Dial) -> AsyncIterator[MemoryMonitor]:
    """A running monitor over `dial`. Levels fall as soon as the reading does."""
    watch = WatchPolicy(look_every_seconds=0.02, tree_every_seconds=3600, patience=Patience(0.05, 0.05))
    async with MemoryMonitor(dial, levels=LevelPolicy(calm_seconds=0), watch=watch) as monitor:
        yield monitor


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where the pools of a test keep their folders."""
    with tempfile.TemporaryDirectory(prefix="scratch-") as folder:
        yield Path(folder)


@pytest.fixture
def folders(scratch: Path) -> Callable[[], list[str]]:
    """What lies in `scratch`, folders and files below them, by name."""
    return lambda: [path.name for path in scratch.rglob("*") if path.parent == scratch or path.is_file()]


@pytest.fixture
def needs_page() -> bool:
    """Whether the pools of a test have Playwright pages. A module that tries both overrides this."""
    return False


@pytest.fixture
def make_pool(chromium: Path, monitor: MemoryMonitor, scratch: Path, *, needs_page: bool) -> MakePool:
    """`async with make_pool(max_contexts=1) as pool`: a pool of its own for a test that breaks it."""

    @asynccontextmanager
    async def make(budget: MemoryBudget | None = None, **settings: object) -> AsyncIterator[UnifiedBrowserPool]:
        chosen: dict[str, object] = {"chromium": chromium, "scratch": scratch, "max_contexts": 2}
        chosen |= {"needs_page": needs_page, **settings}
        guard = MemoryGuard(monitor, budget)
        pool = UnifiedBrowserPool(PoolSettings(**chosen), guard=guard)  # type: ignore[arg-type]
        async with pool:
            yield pool

    return make


@pytest.fixture(scope="session")
async def shared_pool(chromium: Path) -> AsyncIterator[UnifiedBrowserPool]:
    """One pool with two slots for all tests that leave it as it was. See `pool`."""
    async with sharing(chromium, slots=2, needs_page=True) as pool:
        yield pool


@pytest.fixture(scope="session")
async def shared_page_pool(chromium: Path) -> AsyncIterator[UnifiedBrowserPool]:
    """One pool over Playwright's driver. See `driver_pool`."""
    async with sharing(chromium, slots=3, needs_page=True) as pool:
        yield pool


@pytest.fixture(scope="session")
async def shared_bare_pool(chromium: Path) -> AsyncIterator[UnifiedBrowserPool]:
    """One pool over bare CDP. See `driver_pool`."""
    async with sharing(chromium, slots=3, needs_page=False) as pool:
        yield pool


@pytest.fixture
async def pool(shared_pool: UnifiedBrowserPool, eventually: Eventually) -> AsyncIterator[UnifiedBrowserPool]:
    """A pool with two slots, all free and no context open."""
    yield shared_pool
    await is_as_it_was(shared_pool, eventually)


@pytest.fixture
def pool_of_driver(request: pytest.FixtureRequest, chromium: Path, *, needs_page: bool) -> UnifiedBrowserPool:
    """The shared pool over the driver that `needs_page` says: no test starts the other one."""
    pool: UnifiedBrowserPool = request.getfixturevalue("shared_page_pool" if needs_page else "shared_bare_pool")
    return pool


@pytest.fixture
async def driver_pool(
    pool_of_driver: UnifiedBrowserPool, eventually: Eventually
) -> AsyncIterator[UnifiedBrowserPool]:
    """A pool with three slots over the driver that `needs_page` says, all free and no context open."""
    yield pool_of_driver
    await is_as_it_was(pool_of_driver, eventually)


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Wait until something that nobody announces has become true; not for ever."""

    async def wait(holds: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not holds():  # noqa: ASYNC110 a process of the system has no event to wait for
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail("it has not come true")

    return wait


@pytest.fixture
def started() -> Callable[[], list[psutil.Process]]:
    """The processes that have been started below this one since the test began, and still run."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}

    def look() -> list[psutil.Process]:
        found = []
        for process in psutil.Process(os.getpid()).children(recursive=True):
            try:
                if process.pid not in before and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    return look
