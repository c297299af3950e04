"""A worn browser is replaced while others work in it, and the pool never stops serving for it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import psutil
import pytest

from browser_pool import LeaseRequest, PoolSettings, UnifiedBrowserPool
from browser_pool.browser import Browser
from browser_pool.wear import BrowserWear
from memory import MemoryMonitor, Role
from memory.processes import ProcessMemory, role_of

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Started = Callable[[], list[psutil.Process]]
MIB = 1 << 20
REQUEST = LeaseRequest("a", deadline_seconds=30)


class Dial(Protocol):
    used_mb: int
    limit_mb: int


SETTINGS = PoolSettings(fat_browser=2.0, browser_age_seconds=3600)


def tree(browser: Browser, held_mb: int) -> tuple[ProcessMemory, ...]:
    """A driver or browser process with a child, which hold so much together."""
    assert browser.root_pid is not None
    half = held_mb * MIB // 2
    return (
        ProcessMemory(browser.root_pid, Role.BROWSER, half, "pss"),
        ProcessMemory(1, Role.GPU, half, "pss", parent=browser.root_pid),
        ProcessMemory(2, Role.BROWSER, 5000 * MIB, "pss"),
    )


@pytest.mark.parametrize(
    ("wear", "is_worn"),
    (
        (BrowserWear(300, 399, 200), False),
        (BrowserWear(300, 400, 200), True),
        (BrowserWear(30, 4000, None), False),
        (BrowserWear(3599, 1, 1), False),
        (BrowserWear(3600, 1, 1), True),
        (BrowserWear(300, 0, 0), False),
    ),
)
def test_a_browser_is_worn_by_what_it_has_grown_since_it_was_young_or_by_age(
    wear: BrowserWear, *, is_worn: bool
) -> None:
    assert wear.is_worn(SETTINGS) == is_worn


async def grow(pool: UnifiedBrowserPool, monitor: MemoryMonitor, eventually: Eventually) -> Browser:
    """Let the browser come of age at 200 MiB and grow to twice that. It drains then."""
    browser = pool.browser
    assert browser is not None
    # Whatever it was taken to hold before is forgotten.
    monitor.tree, browser.settled_bytes = tree(browser, 200), None
    await eventually(lambda: browser.settled_bytes == 200 * MIB)
    monitor.tree = tree(browser, 400)
    await eventually(lambda: pool.browser is not browser)
    return browser


def browsers(started: Started) -> int:
    """How many browser processes of ours there are."""
    roles = []
    for process in started():
        try:
            roles.append(role_of(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return roles.count(Role.BROWSER)


@pytest.mark.browser
async def test_a_busy_pool_recycles_who_is_at_work_goes_on_and_who_comes_gets_the_new_browser(
    make_pool: MakePool,
    monitor: MemoryMonitor,
    started: Started,
    eventually: Eventually,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("browser_pool.wear.YOUNG_SECONDS", 0.0)
    async with make_pool(max_contexts=3) as pool:
        async with pool.lease(site="idle"):
            pass
        await eventually(lambda: pool.statistics().free == 1)
        async with pool.lease(site="a") as old:
            await old.evaluate("() => { window.kept = 1; }")
            first = await grow(pool, monitor, eventually)
            await eventually(lambda: pool.statistics().free == 0)
            async with pool.lease(site="a") as new:
                assert new.context.browser is not first
                assert await new.evaluate("() => window.kept") is None
                assert await old.evaluate("() => window.kept") == 1
            assert browsers(started) == 2
        await eventually(lambda: browsers(started) == 1)
        await eventually(lambda: pool.statistics().free == 1)
        figures = pool.statistics()
        assert (figures.browsers_recycled, figures.browsers_lost, figures.browser_launches) == (1, 0, 2)
        assert figures.contexts_made - figures.contexts_closed == 1
    assert started() == []


@pytest.mark.browser
async def test_what_two_browsers_hold_together_is_not_learned_as_what_one_does(
    make_pool: MakePool, monitor: MemoryMonitor, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser_pool.wear.YOUNG_SECONDS", 0.0)
    async with make_pool(max_contexts=3) as pool, pool.lease(site="a"):
        await grow(pool, monitor, eventually)
        monkeypatch.setattr("browser_pool.learning.GROWN_SECONDS", 0.0)
        looks = itertools.count()
        async with pool.lease(site="a"):
            assert pool._recycler.draining
            started = next(looks)
            await eventually(lambda: next(looks) > started + 40)
            assert "browser" not in pool._guard.costs.observations()


@pytest.mark.browser
async def test_where_two_do_not_fit_the_next_waits_until_the_old_one_is_empty(
    make_pool: MakePool,
    monitor: MemoryMonitor,
    dial: Dial,
    started: Started,
    eventually: Eventually,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("browser_pool.wear.YOUNG_SECONDS", 0.0)
    async with make_pool(max_contexts=3) as pool:
        async with pool.lease(site="a"):
            first = await grow(pool, monitor, eventually)
            # Room for one more context, not for one more browser.
            dial.limit_mb, dial.used_mb = 500, 500 - 30 - 125
            waiting = asyncio.create_task(pool.acquire(REQUEST))
            await eventually(lambda: pool.statistics().waiting == 1)
            for _ in range(20):
                await asyncio.sleep(0)
            assert not waiting.done()
            assert browsers(started) == 1
        lease = await waiting
        assert lease.context.browser is pool.browser is not first
        pool.release(lease)


@pytest.mark.browser
async def test_a_pool_that_is_closed_while_a_browser_drains_leaves_nothing(
    make_pool: MakePool,
    monitor: MemoryMonitor,
    started: Started,
    eventually: Eventually,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("browser_pool.wear.YOUNG_SECONDS", 0.0)
    async with make_pool() as pool:
        lease = await pool.acquire(REQUEST)
        await grow(pool, monitor, eventually)
        assert pool._recycler.draining
        assert not lease.is_over
    assert started() == []
