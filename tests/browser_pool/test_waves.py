"""Waves of leases, one after the other: the next finds what the one before found, and at the end nothing is left."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import LeaseRecalled, NavigationFailed, UnifiedBrowserPool
from memory import MemoryBudget
from tests.browser_pool.chaos import Left
from tidegate.demo import DemoSite

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Folders = Callable[[], list[str]]

LEASES = 24
OURS = "browser_pool."


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def objects() -> Counter[str]:
    """How many objects of this room there are, by class."""
    gc.collect()
    kinds = (type(one) for one in gc.get_objects())
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith(OURS))


async def wave(pool: UnifiedBrowserPool, site: DemoSite) -> None:
    """Leases of every sort at once: warm, fresh, of several sites, blocked, failed, given up."""

    async def visit(number: int) -> None:
        isolation = "fresh" if number % 4 == 0 else "warm"
        async with pool.lease(site=f"site {number % 3}", isolation=isolation, deadline=120) as lease:
            await lease.block(["*/images/*"], ["font"] if number % 5 == 0 else [])
            try:
                where = "/?trouble=redirect_loop" if number % 6 == 0 else "/robots.txt"
                await lease.open(f"{site.url}{where}", timeout_seconds=20)
                await lease.evaluate("() => 1")
            except NavigationFailed:
                assert number % 6 == 0
            if number % 7 == 0:
                await lease.reclaim()

    visits = [asyncio.create_task(visit(number)) for number in range(LEASES)]
    hasty = asyncio.create_task(visit(1))
    await asyncio.sleep(0)
    hasty.cancel()
    ended = await asyncio.gather(*visits, hasty, return_exceptions=True)
    assert [error for error in ended[:-1] if error is not None and not isinstance(error, LeaseRecalled)] == []


@pytest.mark.slow
async def test_after_each_wave_there_is_as_much_as_after_the_first_and_in_the_end_nothing(
    make_pool: MakePool, demo_site: DemoSite, folders: Folders, eventually: Eventually
) -> None:
    before, kept_before = Left.now(), objects()
    budget = MemoryBudget()
    async with make_pool(budget, max_contexts=3) as pool:

        async def settle() -> None:
            await eventually(lambda: all(one.state.value == "free" for one in pool._table.contexts))
            await pool._relief.close_idle()
            await eventually(lambda: not pool._table.contexts)

        seen: list[tuple[Left, Counter[str]]] = []
        for _ in range(3):
            await wave(pool, demo_site)
            await settle()
            seen.append((Left.now(), objects()))
        (first, kept_first), *later = seen
        for left, kept in later:
            assert (left.descriptors, left.threads) <= (first.descriptors, first.threads)
            assert kept - kept_first == Counter()
        assert pool.statistics().granted >= 3 * LEASES
        assert budget.statistics().reservations <= 1
    await eventually(lambda: Left.now().children == before.children)
    await eventually(lambda: Left.now().tasks == before.tasks)
    assert Left.now().descriptors <= before.descriptors
    kept = objects() - kept_before
    assert not [name for name in kept if name in {"Lease", "WarmContext", "CdpLane", "PlaywrightLane"}]
    assert folders() == []
