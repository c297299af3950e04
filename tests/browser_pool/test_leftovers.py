"""What is stopped, orphaned or cancelled in the wrong moment is ended all the same, and its folder goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import psutil
import pytest

from browser_pool import Lease, LeaseEnded, LeaseRequest, ScriptFailed, UnifiedBrowserPool, UrlQuarantined
from browser_pool.cdp import connection, transport
from memory.processes import Role, role_of
from tests.needs import rest_slow
from tidegate.demo import DemoSite

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Started = Callable[[], list[psutil.Process]]


@pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def of_role(processes: list[psutil.Process], role: Role) -> Iterator[psutil.Process]:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if role_of(process.cmdline()) is role:
                yield process


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still do something, whoever their parent is by now."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


async def no_answer_from(lease: Lease) -> asyncio.Task[object]:
    """Ask the page until it does not answer any more; what was asked last is still on its way."""
    while True:
        asking = asyncio.create_task(lease.evaluate("() => 1"))
        done, _ = await asyncio.wait({asking}, timeout=1.0)
        if not done:
            return asking
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("stopped", (Role.NETWORK, Role.GPU, Role.RENDERER))
async def test_a_child_that_was_stopped_when_its_browser_died_does_not_outlive_the_pool(
    make_pool: MakePool, started: Started, eventually: Eventually, stopped: Role
) -> None:
    async with make_pool() as pool:
        async with pool.lease(site="a"):
            pass
        everything = started()
        for process in of_role(everything, stopped):
            process.suspend()
        for process in of_role(everything, Role.BROWSER):
            process.kill()
        await eventually(lambda: pool.statistics().browsers_lost == 1)
    await eventually(lambda: running(everything) == [])


async def test_a_browser_whose_end_was_cancelled_ends_all_the_same(
    make_pool: MakePool, started: Started, eventually: Eventually, scratch: Path
) -> None:
    async with make_pool() as pool:
        async with pool.lease(site="a"):
            pass
        everything, browser = started(), pool.browser
        assert browser is not None
        for process in of_role(everything, Role.BROWSER):
            process.suspend()
        pool._fleet.owner_of(browser).hand_over(browser)
        ending = asyncio.create_task(browser.close())
        await asyncio.sleep(0)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        await eventually(lambda: running(everything) == [])
        await eventually(lambda: not any(scratch.iterdir()))
        await browser.close()


@pytest.mark.parametrize("needs_page", (False,), ids=("bare",))
async def test_a_page_that_hangs_while_it_is_cleaned_holds_up_no_other_site(
    make_pool: MakePool, demo_site: DemoSite, *, needs_page: bool
) -> None:
    assert not needs_page
    async with make_pool(max_contexts=4, clean_seconds=3600) as pool:
        async with pool.lease(site="hangs", deadline=3600) as lease:
            await lease.open(f"{demo_site.url}/?trouble=js_loop", timeout_seconds=10)
            hanging = await no_answer_from(lease)
        first = asyncio.create_task(pool.acquire(LeaseRequest("hangs", deadline_seconds=3600)))
        await asyncio.sleep(0)
        async with pool.lease(site="other", deadline=3600) as other:
            assert (await other.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)).status == 200
        assert not first.done(), "this has shown nothing: the page did not hang"
        for task in (first, hanging):
            task.cancel()
        await asyncio.gather(first, hanging, return_exceptions=True)


async def test_an_address_is_remembered_for_a_death_that_no_step_has_seen(
    make_pool: MakePool, demo_site: DemoSite, started: Started, eventually: Eventually
) -> None:
    address = f"{demo_site.url}/robots.txt"
    async with make_pool(deaths_per_url=1) as pool:
        async with pool.lease(site="a") as lease:
            await lease.open(address, timeout_seconds=10)
            for process in of_role(started(), Role.BROWSER):
                process.kill()
            await eventually(lambda: pool.statistics().browsers_lost == 1)
        async with pool.lease(site="a") as lease:
            with pytest.raises(UrlQuarantined):
                await lease.open(address, timeout_seconds=10)


async def test_a_body_that_keeps_its_cancellation_to_itself_is_told_at_the_end(make_pool: MakePool) -> None:
    async def work(pool: UnifiedBrowserPool) -> None:
        async with pool.lease(site="a", deadline=1):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    async with make_pool() as pool:
        with pytest.raises(LeaseEnded, match="the deadline of 1 s has passed"):
            await work(pool)


@pytest.mark.parametrize("needs_page", (False,), ids=("bare",))
async def test_what_a_page_gives_back_has_a_bound_and_the_page_goes_on(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch, *, needs_page: bool
) -> None:
    assert not needs_page
    for module in (transport, connection):
        monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)
    async with make_pool() as pool, pool.lease(site="a") as lease:
        assert len(await lease.evaluate("() => 'x'.repeat(9e5)")) == 900_000
        with pytest.raises(ScriptFailed, match="more than 1 MiB"):
            await lease.evaluate("() => 'x'.repeat(2e6)")
        assert await lease.evaluate("() => 1 + 1") == 2
