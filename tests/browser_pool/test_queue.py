"""Who is served, in which order, and what is said to those who are not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from browser_pool import LeaseRefused, LeaseRequest, UnifiedBrowserPool

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]


class Dial(Protocol):
    used_mb: int


async def refusal(asking: Awaitable[object]) -> LeaseRefused:
    with pytest.raises(LeaseRefused) as caught:
        await asking
    return caught.value


async def test_first_come_first_served_within_a_priority_and_priority_goes_first(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    order: list[str] = []

    async def work(name: str, priority: int) -> None:
        async with pool.lease(site="a", priority=priority):
            order.append(name)

    holders = [await pool.acquire(LeaseRequest("a")) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        asked = (("low 1", 0), ("low 2", 0), ("high 1", 5), ("low 3", 0), ("high 2", 5))
        for number, (name, priority) in enumerate(asked, start=1):
            group.create_task(work(name, priority))
            await eventually(lambda number=number: pool.statistics().waiting == number)  # type: ignore[misc]
        for holder in holders:
            pool.release(holder)
    assert order == ["high 1", "high 2", "low 1", "low 2", "low 3"]


async def test_never_more_contexts_than_slots_whatever_is_asked_for(pool: UnifiedBrowserPool) -> None:
    most = 0

    async def work(number: int) -> None:
        nonlocal most
        async with pool.lease(site=f"site {number % 3}", isolation="fresh" if number % 4 == 0 else "warm"):
            figures = pool.statistics()
            most = max(most, figures.leased + figures.free + figures.cleaning + figures.closing)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(24):
            group.create_task(work(number))
    assert most == 2


async def test_an_idle_context_of_another_site_makes_room(pool: UnifiedBrowserPool, eventually: Eventually) -> None:
    for site in ("a", "b"):
        async with pool.lease(site=site):
            pass
        await eventually(lambda: pool.statistics().cleaning == 0)
    async with pool.lease(site="b") as lease:
        kept = lease.context.number
    await eventually(lambda: pool.statistics().free == 2)
    async with pool.lease(site="c", deadline=10) as lease:
        assert lease.request.site == "c"
    async with pool.lease(site="b") as lease:
        assert lease.context.number == kept, "the one that was idle for longest goes first"


async def test_making_room_for_one_closes_one(make_pool: MakePool, eventually: Eventually) -> None:
    async with make_pool(max_contexts=3) as pool:
        for site in ("a", "b", "c"):
            async with pool.lease(site=site):
                pass
            await eventually(lambda: pool.statistics().cleaning == 0)
        async with pool.lease(site="d"):
            assert pool.statistics().contexts_closed == 1
            assert pool.statistics().free == 2


async def test_a_full_queue_refuses_at_once_and_says_so(make_pool: MakePool, eventually: Eventually) -> None:
    async with make_pool(max_contexts=1, queue_limit=1) as pool, pool.lease(site="a"):
        waiting = asyncio.create_task(pool.acquire(LeaseRequest("a")))
        await eventually(lambda: pool.statistics().waiting == 1)
        refused = await refusal(pool.acquire(LeaseRequest("a")))
        assert (refused.reason, refused.waited_seconds) == ("queue_full", 0.0)
        assert "1 are waiting" in refused.detail
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert pool.statistics().refused == {"queue_full": 1}
        assert pool.statistics().waiting == 0


async def test_who_gets_no_slot_before_the_deadline_is_told_what_was_missing_and_how_long_it_waited(
    make_pool: MakePool,
) -> None:
    async with make_pool(max_contexts=1) as pool, pool.lease(site="a"):
        refused = await refusal(pool.acquire(LeaseRequest("a", deadline_seconds=0.2)))
        assert (refused.reason, refused.detail) == ("slot", "all 1 contexts are in use")
        assert refused.waited_seconds >= 0.2
        assert "no browser context after 0.2 s (slot)" in str(refused)
        assert pool.statistics().waiting == 0


async def test_who_waits_while_the_pool_closes_is_told_so(make_pool: MakePool, eventually: Eventually) -> None:
    async with make_pool(max_contexts=1) as pool:
        await pool.acquire(LeaseRequest("a"))
        waiting = asyncio.create_task(refusal(pool.acquire(LeaseRequest("a"))))
        await eventually(lambda: pool.statistics().waiting == 1)
    refused = await waiting
    assert refused.reason == "closed"
    assert refused.waited_seconds > 0


async def test_a_pool_that_is_not_open_refuses(make_pool: MakePool) -> None:
    async with make_pool() as pool:
        pass
    assert (await refusal(pool.acquire(LeaseRequest("a")))).reason == "closed"


async def test_who_is_granted_a_context_while_the_pool_closes_gets_a_refusal_and_no_new_browser(
    make_pool: MakePool, started: Callable[[], list[object]], eventually: Eventually
) -> None:
    async with make_pool() as pool:
        assert pool.browser is not None
        # Its first browser is gone, so this one is granted a context and waits for a launch.
        pool.browser.kill()
        await eventually(lambda: pool.browser is None)
        asking = asyncio.create_task(refusal(pool.acquire(LeaseRequest("a"))))
        await eventually(lambda: pool.statistics().leased == 1)
    assert (await asking).reason == "closed"
    assert started() == []


async def test_one_who_gives_up_while_waiting_is_passed_over(
    make_pool: MakePool, dial: Dial, eventually: Eventually
) -> None:
    async with make_pool(max_contexts=3) as pool:
        holder = await pool.acquire(LeaseRequest("a"))
        dial.used_mb = 3900
        first = asyncio.create_task(pool.acquire(LeaseRequest("b")))
        second = asyncio.create_task(pool.acquire(LeaseRequest("c")))
        await eventually(lambda: pool.statistics().waiting == 2)
        await eventually(lambda: not pool._monitor.ladder.is_running)
        # In one breath: the first is cancelled, and has not had the time to leave the queue when there is memory.
        first.cancel()
        dial.used_mb = 100
        pool.release(holder)
        pool.release(await second)
        with pytest.raises(asyncio.CancelledError):
            await first
        assert pool.statistics().granted == 2


async def test_one_who_gives_up_as_it_is_granted_gives_its_context_back(
    make_pool: MakePool, dial: Dial, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        holder = await pool.acquire(LeaseRequest("a"))
        dial.used_mb = 3900
        waiting = asyncio.create_task(pool.acquire(LeaseRequest("b")))
        await eventually(lambda: pool.statistics().waiting == 1)
        # In one breath: there is memory again, it is granted, and it is cancelled before it hears of it.
        await eventually(lambda: not pool._monitor.ladder.is_running)
        dial.used_mb = 100
        pool.release(holder)
        assert pool.statistics().leased == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert pool.statistics().leased == 0
        await eventually(lambda: pool.statistics().closing == pool.statistics().cleaning == 0)
        assert pool.statistics().contexts_made - pool.statistics().contexts_closed == pool.statistics().free == 1


async def test_a_hundred_who_ask_at_once_are_all_served_and_the_figures_add_up(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    before = pool.statistics()

    async def work(number: int) -> None:
        async with pool.lease(site=f"site {number % 2}") as lease:
            await lease.evaluate("() => 1")

    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(work(number))
    await eventually(lambda: pool.statistics().cleaning == pool.statistics().closing == 0)
    after = pool.statistics()
    assert after.granted - before.granted == 100
    assert (after.waiting, after.leased) == (0, 0)
    assert after.contexts_made - after.contexts_closed == after.free
    assert after.refused == before.refused
