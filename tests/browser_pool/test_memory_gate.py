"""The gate: a lease starts only when its memory could be promised. Memory is what the test says it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from browser_pool import Endpoint, EndpointUnreachable, LeaseRefused, LeaseRequest, PoolSettings, UnifiedBrowserPool
from memory import LimitTooLow, MemoryBudget, MemoryGuard, MemoryMonitor, Rung, Step

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
MIB = 1 << 20


class Dial(Protocol):
    used_mb: int
    limit_mb: int


async def refusal(asking: Awaitable[object]) -> LeaseRefused:
    with pytest.raises(LeaseRefused) as caught:
        await asking
    return caught.value


@pytest.mark.browser
async def test_who_gets_no_memory_before_the_deadline_is_told_the_arithmetic(make_pool: MakePool, dial: Dial) -> None:
    async with make_pool() as pool:
        dial.used_mb = 3900
        refused = await refusal(pool.acquire(LeaseRequest("a", deadline_seconds=0.3)))
        assert refused.reason == "memory"
        assert refused.detail == (
            "96 MiB needed, but 4,000 MiB limit - 3,900 MiB used - 0 MiB promised - 400 MiB margin = -300 MiB"
            " (cgroup v2 /box)"
        )
        assert refused.waited_seconds >= 0.3
        assert pool.statistics().refused == {"memory": 1}
        assert pool.statistics().contexts_made == 0


@pytest.mark.browser
async def test_who_waits_for_memory_is_served_when_there_is_some(
    make_pool: MakePool, dial: Dial, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        dial.used_mb = 3900
        asking = asyncio.create_task(pool.acquire(LeaseRequest("a")))
        await eventually(lambda: pool.statistics().waiting == 1)
        dial.used_mb = 100
        pool.release(await asking)


@pytest.mark.browser
async def test_each_lease_is_promised_its_memory_before_the_next_is_decided(
    make_pool: MakePool, dial: Dial, eventually: Eventually
) -> None:
    budget = MemoryBudget()
    async with make_pool(budget, max_contexts=8) as pool:
        # Room for two of 96 MiB, not for three. None of what is promised ever shows in the readings here.
        dial.used_mb = 4000 - 400 - 2 * 96 - 50
        dial.limit_mb = 4000
        tasks = [asyncio.create_task(pool.acquire(LeaseRequest(f"site {n}"))) for n in range(5)]
        await eventually(lambda: pool.statistics().leased == 2)
        await eventually(lambda: pool.statistics().waiting == 3)
        assert budget.unused_bytes == 2 * 96 * MIB
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lease in list(pool._table.leases.values()):
            pool.release(lease)
        assert budget.unused_bytes == 0


@pytest.mark.browser
async def test_a_lease_that_has_ended_gives_its_memory_back_at_once(make_pool: MakePool) -> None:
    budget = MemoryBudget()
    async with make_pool(budget) as pool:
        async with pool.lease(site="a"):
            assert budget.statistics().reservations == 1
        assert budget.statistics().reservations == 0


@pytest.mark.browser
async def test_while_the_ladder_is_climbed_no_lease_starts(
    make_pool: MakePool, monitor: MemoryMonitor, eventually: Eventually
) -> None:
    go_on = asyncio.Event()

    async def hold() -> str:
        await go_on.wait()
        return "held"

    async with make_pool() as pool:
        remove = monitor.ladder.register(Step("hold", Rung.CACHES, hold))
        climbing = asyncio.create_task(monitor.ladder.climb("test", lambda _: False, reach=lambda _: Rung.CACHES))
        await eventually(lambda: monitor.ladder.is_running)
        asking = asyncio.create_task(pool.acquire(LeaseRequest("a")))
        await eventually(lambda: pool.statistics().waiting == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert pool.statistics().leased == 0
        go_on.set()
        await climbing
        pool.release(await asking)
        remove()


@pytest.mark.browser
async def test_for_want_of_memory_the_ladder_is_climbed(
    make_pool: MakePool, monitor: MemoryMonitor, dial: Dial
) -> None:
    async def lower() -> str:
        dial.used_mb = 100
        return "lowered"

    async with make_pool() as pool:
        remove = monitor.ladder.register(Step("lower it", Rung.CACHES, lower))
        # Below the first mark, so nobody but the one who asks has a reason to climb.
        dial.limit_mb, dial.used_mb = 400, 299
        lease = await pool.acquire(LeaseRequest("a"))
        pool.release(lease)
        assert monitor.ladder.reports[-1].reason == f"lease {lease.number} needs memory"
        assert monitor.ladder.reports[-1].is_calm
        remove()


@pytest.mark.browser
async def test_alone_and_after_the_ladder_one_lease_is_granted_where_waiting_would_be_for_ever(
    make_pool: MakePool, dial: Dial, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        dial.limit_mb, dial.used_mb = 400, 299
        lease = await pool.acquire(LeaseRequest("a"))
        assert pool.statistics().granted_alone == 1
        second = asyncio.create_task(pool.acquire(LeaseRequest("b")))
        await eventually(lambda: pool.statistics().waiting == 1)
        pool.release(lease)
        pool.release(await second)
        assert pool.statistics().granted_alone == 2


@pytest.mark.browser
async def test_closing_idle_contexts_closes_exactly_the_idle_ones(
    make_pool: MakePool, monitor: MemoryMonitor, eventually: Eventually
) -> None:
    async with make_pool(max_contexts=3) as pool:
        for site in ("idle 1", "idle 2"):
            async with pool.lease(site=site):
                pass
            await eventually(lambda: pool.statistics().cleaning == 0)
        async with pool.lease(site="busy") as lease:
            report = await monitor.ladder.climb("test", lambda _: False, reach=lambda _: Rung.CLOSE_IDLE)
            row = next(step for step in report.steps if step.name == "close idle contexts")
            assert (row.detail, row.failed) == ("closed 2 idle contexts", False)
            assert await lease.evaluate("() => 1 + 1") == 2
            assert (pool.statistics().leased, pool.statistics().free, pool.statistics().closing) == (1, 0, 0)


@pytest.mark.browser
async def test_reclaim_leaves_pages_open_and_usable(
    make_pool: MakePool, monitor: MemoryMonitor, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        async with pool.lease(site="idle"):
            pass
        await eventually(lambda: pool.statistics().free == 1)
        async with pool.lease(site="busy") as lease:
            await lease.evaluate("() => { window.kept = 'here'; }")
            report = await monitor.ladder.climb("test", lambda _: False, reach=lambda _: Rung.CLOSE_IDLE)
            row = next(step for step in report.steps if step.name == "reclaim inside Chromium")
            assert (row.detail, row.failed) == ("asked 2 pages and 1 browser to give memory back", False)
            assert await lease.evaluate("() => window.kept") == "here"


@pytest.mark.browser
async def test_a_page_that_hangs_does_not_keep_the_others_from_giving_back(
    make_pool: MakePool, monitor: MemoryMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser_pool.lane.RECLAIM_SECONDS", 0.3)
    async with make_pool() as pool, pool.lease(site="a") as stuck, pool.lease(site="b") as fine:
        looping = asyncio.create_task(stuck.evaluate("() => { for (;;); }"))
        await fine.evaluate("() => 1")
        report = await monitor.ladder.climb("test", lambda _: False, reach=lambda _: Rung.CLOSE_IDLE)
        row = next(step for step in report.steps if step.name == "reclaim inside Chromium")
        assert "1 did not answer" in row.detail
        assert await fine.evaluate("() => 1 + 1") == 2
        looping.cancel()
        await asyncio.gather(looping, return_exceptions=True)


async def test_a_limit_in_which_no_browser_fits_is_said_before_anything_is_started(
    monitor: MemoryMonitor, dial: Dial, started: Callable[[], list[object]]
) -> None:
    dial.limit_mb, dial.used_mb = 120, 100
    with pytest.raises(LimitTooLow, match=r"120 MiB \(cgroup v2 /box\), and a browser needs at least [12]\d\d MiB"):
        async with UnifiedBrowserPool(PoolSettings(), guard=MemoryGuard(monitor)):
            pass
    assert started() == []


@pytest.mark.browser
async def test_room_that_others_take_just_now_is_waited_for(
    make_pool: MakePool, dial: Dial, started: Callable[[], list[object]]
) -> None:
    dial.limit_mb, dial.used_mb = 2000, 1900
    async with make_pool() as pool:
        assert started() == [], "a browser would have been too much"
        waiting = asyncio.create_task(evaluated(pool))
        await asyncio.sleep(0)
        dial.used_mb = 200
        assert await waiting == 2


async def evaluated(pool: UnifiedBrowserPool) -> object:
    async with pool.lease() as lease:
        return await lease.evaluate("() => 1 + 1")


async def test_where_browsers_are_elsewhere_the_limit_here_need_not_hold_one(
    monitor: MemoryMonitor, dial: Dial
) -> None:
    dial.limit_mb, dial.used_mb = 200, 100
    nobody = PoolSettings(endpoints=(Endpoint.parse("http://127.0.0.1:9"),), needs_page=False)
    with pytest.raises(EndpointUnreachable, match="Connection refused"):
        async with UnifiedBrowserPool(nobody, guard=MemoryGuard(monitor)):
            pass
