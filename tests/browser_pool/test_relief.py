"""What the pool gives back in an emergency: one lease, then the browser, and never the last work for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import LeaseEnded, LeaseRecalled, LeaseRequest, UnifiedBrowserPool
from browser_pool.context import WarmContext
from browser_pool.lease import Lease
from browser_pool.relief import costliest_deferrable
from memory import MemoryBudget, MemoryMonitor, Role, Rung
from memory.processes import ProcessMemory

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
MIB = 1 << 20


def lease(number: int, *, priority: int = 0, site: str = "a", deferrable: bool = True) -> Lease:
    request = LeaseRequest(site, priority=priority, is_deferrable=deferrable)
    reservation = MemoryBudget().debit(0, owner="test")
    made = Lease(
        number,
        request,
        WarmContext(number, site, request.identity),
        reservation,
        asked_seconds=0.0,
        memory_is_tight=bool,
    )
    made.granted_seconds = float(number)
    return made


def cost(request: LeaseRequest) -> int:
    return {"a": 50, "heavy": 200}[request.site]


@pytest.mark.parametrize(
    ("leases", "chosen"),
    (
        ([], None),
        ([lease(1)], None),
        ([lease(1), lease(2)], 2),
        ([lease(1, site="heavy"), lease(2)], 1),
        ([lease(1, site="heavy", priority=5), lease(2)], 2),
        ([lease(1, site="heavy", deferrable=False), lease(2)], 2),
        ([lease(1, deferrable=False), lease(2, deferrable=False)], None),
    ),
)
def test_the_lowest_priority_goes_first_then_the_highest_cost_then_the_youngest_and_never_the_last(
    leases: list[Lease], chosen: int | None
) -> None:
    found = costliest_deferrable(leases, cost)
    assert (found.number if found else None) == chosen


async def climb(monitor: MemoryMonitor, highest: Rung) -> dict[str, str]:
    report = await monitor.ladder.climb("test", lambda _: False, reach=lambda _: highest)
    assert not [step for step in report.steps if step.failed]
    return {step.name: step.detail for step in report.steps}


@pytest.mark.browser
async def test_a_lease_that_is_recalled_ends_its_work_with_a_typed_error_and_the_other_goes_on(
    make_pool: MakePool, monitor: MemoryMonitor, eventually: Eventually
) -> None:
    async with make_pool() as pool:

        async def work() -> None:
            async with pool.lease(site="b", job="slow") as mine:
                await mine.evaluate("() => new Promise(() => {})")

        async with pool.lease(site="a") as other:
            working = asyncio.create_task(work())
            await eventually(lambda: pool.statistics().leased == 2)
            said = await climb(monitor, Rung.REQUEUE)
            with pytest.raises(LeaseRecalled, match="for its memory; ask again"):
                await working
            assert said["recall the costliest lease"].startswith("recalled lease")
            assert await other.evaluate("() => 1 + 1") == 2
            assert pool.statistics().recalled == 1
            # Its context was closed when the step ended: only then is its memory back.
            assert pool.statistics().closing == 0
            said = await climb(monitor, Rung.REQUEUE)
            assert said["recall the costliest lease"] == "no lease can be deferred (1 at work)"


@pytest.mark.browser
async def test_a_plainly_acquired_lease_that_is_recalled_says_so_at_its_next_step(
    make_pool: MakePool, monitor: MemoryMonitor
) -> None:
    async with make_pool() as pool:
        first = await pool.acquire(LeaseRequest("a", priority=1))
        second = await pool.acquire(LeaseRequest("b"))
        await climb(monitor, Rung.REQUEUE)
        with pytest.raises(LeaseRecalled):
            await second.evaluate("() => 1")
        pool.release(second)
        assert await first.evaluate("() => 1 + 1") == 2
        pool.release(first)


@pytest.mark.browser
async def test_a_young_browser_is_not_ended_because_that_would_free_nothing(
    make_pool: MakePool, monitor: MemoryMonitor
) -> None:
    async with make_pool() as pool, pool.lease(site="a") as mine:
        said = await climb(monitor, Rung.RESTART)
        assert "s old: to end it would free little" in said["end the browser"]
        assert await mine.evaluate("() => 1 + 1") == 2


@pytest.mark.browser
async def test_at_the_very_end_the_browser_is_ended_and_the_next_lease_starts_another(
    make_pool: MakePool, monitor: MemoryMonitor, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr("browser_pool.wear.YOUNG_SECONDS", 0.0)
    async with make_pool() as pool:

        async def work() -> None:
            async with pool.lease(site="a") as mine:
                await mine.evaluate("() => new Promise(() => {})")

        working = asyncio.create_task(work())
        await eventually(lambda: pool.statistics().leased == 1)
        said = await climb(monitor, Rung.RESTART)
        assert said["end the browser"] == "ended the browser, and 1 leases with it"
        with pytest.raises(LeaseRecalled):
            await working
        async with pool.lease(site="a") as again:
            assert await again.evaluate("() => 1 + 1") == 2
        figures = pool.statistics()
        assert (figures.browser_launches, figures.browsers_recycled, figures.browsers_lost) == (2, 1, 0)


@pytest.mark.browser
async def test_a_fat_browser_is_replaced_when_nobody_is_at_work_in_it(
    make_pool: MakePool, monitor: MemoryMonitor
) -> None:
    async with make_pool() as pool:
        assert pool.browser is not None
        assert pool.browser.root_pid is not None
        monitor.tree = (ProcessMemory(pool.browser.root_pid, Role.BROWSER, 300 * MIB, "pss"),)
        assert (await climb(monitor, Rung.RECYCLE))["replace a fat browser"].startswith("the browser is not fat")
        pool.browser.settled_bytes = 200 * MIB
        async with pool.lease(site="a"):
            assert "1 leases are at work" in (await climb(monitor, Rung.RECYCLE))["replace a fat browser"]
        said = (await climb(monitor, Rung.RECYCLE))["replace a fat browser"]
        assert said == "ended a browser that held 300 MiB; the next lease starts another"
        async with pool.lease(site="a") as again:
            assert await again.evaluate("() => 1 + 1") == 2
        assert pool.statistics().browser_launches == 2


@pytest.mark.browser
async def test_the_deadline_still_ends_a_lease_as_a_deadline(make_pool: MakePool) -> None:
    async with make_pool() as pool:
        with pytest.raises(LeaseEnded) as ended:
            async with pool.lease(site="a", deadline=1.0) as mine:
                await mine.evaluate("() => new Promise(() => {})")
        assert not isinstance(ended.value, LeaseRecalled)
