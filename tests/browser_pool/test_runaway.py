"""A page that takes memory without end: it is ended, its address is remembered, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import psutil
import pytest

from browser_pool import LeaseRequest, PageCrashed, PageTooLarge, UnifiedBrowserPool, UrlQuarantined
from browser_pool.chromium import added_flags
from browser_pool.context import WarmContext
from browser_pool.lease import Lease
from browser_pool.relief import runaway
from memory import MemoryBudget, MemoryMonitor, Rung
from tidegate.demo import DemoSite

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
MIB = 1 << 20
EXPECTED = 100

FILL_THE_HEAP = """() => new Promise(() => {
  const kept = [];
  const fill = () => { for (let n = 0; n < 200; n++) kept.push(new Array(20000).fill(n + 0.5)); setTimeout(fill); };
  fill();
})"""

TAKE = "(mb) => { window.taken = new Uint8Array(mb << 20).fill(1); return window.taken.length; }"


class Dial(Protocol):
    used_mb: int
    limit_mb: int


def lease(number: int, held_bytes: int | None) -> Lease:
    request = LeaseRequest("a")
    context = WarmContext(number, "a", request.identity)
    context.held_bytes = held_bytes
    reservation = MemoryBudget().debit(0, owner="test")
    return Lease(number, request, context, reservation, asked_seconds=0.0, memory_is_tight=bool)


@pytest.mark.parametrize(
    ("held", "limit", "chosen"),
    (
        ([], 1000, None),
        ([None, None], 1000, None),
        ([100, 299], 1000, None),
        ([100, 300], 1000, 1),
        ([350, 300], 1000, 0),
        ([199], 400, None),
        ([200], 400, 0),
        ([299], None, None),
        ([300], None, 0),
    ),
)
def test_a_page_has_run_away_when_it_holds_three_times_what_its_kind_does_or_half_of_the_limit(
    held: list[int | None], limit: int | None, chosen: int | None
) -> None:
    found = runaway([lease(n, bytes_) for n, bytes_ in enumerate(held)], lambda _: EXPECTED, limit)
    assert (found.number if found else None) == chosen


def test_a_page_may_have_a_heap_of_half_the_limit_where_that_is_less_than_the_machine_would_give() -> None:
    assert added_flags(320 * MIB) == ("--js-flags=--optimize-for-size --max-old-space-size=160",)
    assert added_flags(None) == ("--js-flags=--optimize-for-size",)
    assert added_flags(psutil.virtual_memory().total) == added_flags(None)


@pytest.mark.browser
async def test_in_an_emergency_the_page_that_has_run_away_is_ended_and_the_others_go_on(
    make_pool: MakePool, demo_site: DemoSite, monitor: MemoryMonitor, eventually: Eventually
) -> None:
    address = f"{demo_site.url}/robots.txt"

    async with make_pool(context_cost_bytes=60 * MIB, deaths_per_url=1) as pool:
        taken = asyncio.Event()

        async def take() -> None:
            async with pool.lease(site="greedy") as mine:
                await mine.open(address, timeout_seconds=10)
                assert await mine.evaluate(TAKE, 300) == 300 * MIB
                taken.set()
                await mine.evaluate("() => new Promise(() => {})")

        async with pool.lease(site="modest", priority=-5) as other:
            await other.open(f"{demo_site.url}/", timeout_seconds=10)
            taking = asyncio.create_task(take())
            await taken.wait()
            await monitor.process_tree()
            greedy = max(pool._table.leases)
            await eventually(lambda: (pool._table.leases[greedy].context.held_bytes or 0) > 250 * MIB)
            report = await monitor.ladder.climb("test", lambda _: False, reach=lambda _: Rung.REQUEUE)
            with pytest.raises(PageTooLarge) as caught:
                await taking
            assert caught.value.held_bytes > 250 * MIB
            assert caught.value.expected_bytes == 60 * MIB
            assert "which held" in next(one.detail for one in report.steps if one.rung is Rung.REQUEUE)
            assert await other.evaluate("() => 1 + 1") == 2
            with pytest.raises(UrlQuarantined):
                await other.open(address, timeout_seconds=10)


@pytest.mark.browser
async def test_a_page_that_fills_its_heap_without_end_crashes_by_itself_before_memory_is_short(
    make_pool: MakePool, demo_site: DemoSite, dial: Dial
) -> None:
    dial.limit_mb = 400
    async with make_pool() as pool, pool.lease(site="modest") as other:
        await other.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
        async with pool.lease(site="greedy") as mine:
            await mine.open(f"{demo_site.url.replace('127.0.0.1', 'localhost')}/robots.txt", timeout_seconds=10)
            with pytest.raises(PageCrashed):
                await mine.evaluate(FILL_THE_HEAP)
        assert await other.evaluate("() => 1 + 1") == 2
        assert pool.statistics().browsers_lost == 0
