"""Whatever dies or hangs ends one lease with a typed error; then the pool serves again and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import psutil
import pytest

from browser_pool import (
    BrowserGone,
    LeaseEnded,
    LeaseRefused,
    LeaseRequest,
    NavigationBecameDownload,
    NavigationTimeout,
    PageCrashed,
    UnifiedBrowserPool,
)
from browser_pool.cdp.browser import CdpBrowser
from browser_pool.node.browser import NodeBrowser
from memory.processes import Role, role_of
from tests.needs import rest_slow
from tidegate.demo import DemoSite

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Folders = Callable[[], list[str]]
Started = Callable[[], list[psutil.Process]]

IS_READY = """() => new Promise((done) => {
  const isReady = () => document.querySelector('main')?.getAttribute('aria-busy') === 'false';
  const look = () => isReady() ? done(true) : setTimeout(look, 20);
  look();
})"""


VICTIMS = ((False, Role.BROWSER), (True, Role.BROWSER), (True, Role.DRIVER))
"""Without Playwright pages there is no driver to kill."""


@pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def of_role(processes: list[psutil.Process], role: Role) -> list[psutil.Process]:
    found = []
    for process in processes:
        try:
            if role_of(process.cmdline()) is role:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


async def serves(pool: UnifiedBrowserPool, site: DemoSite) -> bool:
    """The pool gives a page, and the page can be read."""
    async with pool.lease(site="after", deadline=30) as lease:
        opened = await lease.open(f"{site.url}/robots.txt", timeout_seconds=10)
        return opened.status == 200


async def pages_in(pool: UnifiedBrowserPool) -> list[str]:
    """The pages that Chromium itself knows of, by their address."""
    browser = pool.browser
    if isinstance(browser, CdpBrowser):
        answer = await browser._connection.browser.send("Target.getTargets")
    else:
        assert isinstance(browser, NodeBrowser)
        answer = await browser._line.send("Target.getTargets")
    return [target["url"] for target in answer["targetInfos"] if target["type"] == "page"]


def adds_up(pool: UnifiedBrowserPool) -> Callable[[], bool]:
    """All that was made is free or closed, and nobody holds or waits for anything."""

    def look() -> bool:
        now = pool.statistics()
        held = now.waiting + now.leased + now.cleaning + now.closing
        return held == 0 and now.contexts_made - now.contexts_closed == now.free

    return look


async def test_a_renderer_that_is_killed_ends_its_own_lease_only(
    make_pool: MakePool, demo_site: DemoSite, started: Started, eventually: Eventually
) -> None:
    async def crash(pool: UnifiedBrowserPool) -> None:
        async with pool.lease(site="a") as lease:
            await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
            before = {process.pid for process in of_role(started(), Role.RENDERER)}
            waiting = asyncio.create_task(lease.evaluate("() => new Promise(() => {})"))
            await lease.evaluate("() => 1")
            for pid in before - neighbours:
                os.kill(pid, signal.SIGKILL)
            await waiting

    async with make_pool(max_contexts=3) as pool, pool.lease(site="neighbour") as neighbour:
        await neighbour.open(f"{demo_site.url.replace('127.0.0.1', 'localhost')}/robots.txt", timeout_seconds=10)
        await neighbour.evaluate("() => { window.kept = 'here'; }")
        neighbours = {process.pid for process in of_role(started(), Role.RENDERER)}
        with pytest.raises(PageCrashed):
            await crash(pool)
        assert await neighbour.evaluate("() => window.kept") == "here"
        assert await serves(pool, demo_site)
        assert pool.statistics().browsers_lost == 0
    await eventually(lambda: started() == [])


async def test_a_page_that_crashes_by_itself_is_said_to_have_crashed(
    make_pool: MakePool, demo_site: DemoSite, eventually: Eventually
) -> None:
    async def visit(pool: UnifiedBrowserPool) -> None:
        async with pool.lease(site="a", deadline=30) as lease:
            await lease.open(f"{demo_site.url}/?trouble=crash", timeout_seconds=10)
            await lease.evaluate(IS_READY)

    async with make_pool() as pool:
        with pytest.raises(PageCrashed):
            await visit(pool)
        assert await serves(pool, demo_site)
        await eventually(adds_up(pool))


@pytest.mark.parametrize(("needs_page", "victim"), VICTIMS)
async def test_a_browser_or_driver_that_is_killed_ends_its_leases_and_is_replaced(
    make_pool: MakePool,
    demo_site: DemoSite,
    started: Started,
    eventually: Eventually,
    folders: Folders,
    *,
    needs_page: bool,
    victim: Role,
) -> None:
    async def work(pool: UnifiedBrowserPool, name: str, ready: asyncio.Event) -> None:
        async with pool.lease(site=name, deadline=30) as lease:
            await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
            ready.set()
            await lease.evaluate("() => new Promise(() => {})")

    async with make_pool() as pool:
        both = [asyncio.Event(), asyncio.Event()]
        tasks = [asyncio.create_task(work(pool, f"site {n}", ready)) for n, ready in enumerate(both)]
        for ready in both:
            await ready.wait()
        for process in of_role(started(), victim):
            process.kill()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(error, BrowserGone) for error in ended] == [True, True], ended
        assert await serves(pool, demo_site)
        await eventually(adds_up(pool))
        assert (pool.statistics().browsers_lost, pool.statistics().browser_launches) == (1, 2)
        await eventually(lambda: sum(name.startswith("tidegate-") for name in folders()) == 1)
    await eventually(lambda: started() == [])
    assert folders() == []


@pytest.mark.parametrize(("needs_page", "victim"), VICTIMS)
async def test_a_browser_or_driver_that_dies_while_nobody_uses_it_is_noticed_and_replaced(
    make_pool: MakePool,
    demo_site: DemoSite,
    started: Started,
    eventually: Eventually,
    *,
    needs_page: bool,
    victim: Role,
) -> None:
    async with make_pool() as pool:
        async with pool.lease(site="a"):
            pass
        await eventually(lambda: pool.statistics().free == 1)
        for process in of_role(started(), victim):
            process.kill()
        await eventually(lambda: pool.statistics().browsers_lost == 1)
        assert pool.statistics().free == 0
        assert await serves(pool, demo_site)
    await eventually(lambda: started() == [])


async def test_a_browser_that_dies_again_and_again_is_replaced_again_and_again(
    make_pool: MakePool, demo_site: DemoSite, started: Started, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        for _ in range(2):
            assert await serves(pool, demo_site)
            for process in of_role(started(), Role.BROWSER):
                process.kill()
        assert await serves(pool, demo_site)
        await eventually(adds_up(pool))


async def test_a_browser_that_is_connected_and_no_longer_answers_is_killed_and_replaced(
    make_pool: MakePool, demo_site: DemoSite, started: Started, eventually: Eventually
) -> None:
    async def work(pool: UnifiedBrowserPool) -> None:
        async with pool.lease(site="a", deadline=1.5) as lease:
            await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
            for process in of_role(started(), Role.BROWSER):
                process.suspend()
            await lease.evaluate("() => 1")
            await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)

    async with make_pool(clean_seconds=0.5) as pool:
        with pytest.raises((LeaseEnded, BrowserGone)):
            await work(pool)
        assert await serves(pool, demo_site)
        assert pool.statistics().browsers_lost == 1
        await eventually(adds_up(pool))
    await eventually(lambda: started() == [])


async def test_a_network_process_that_hangs_is_not_taken_for_a_site_that_does(
    make_pool: MakePool,
    demo_site: DemoSite,
    started: Started,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("browser_pool.context.CHECK_SECONDS", 0.5)
    async with make_pool() as pool:
        async with pool.lease(site="a", deadline=30) as lease:
            await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
            for process in of_role(started(), Role.NETWORK):
                process.suspend()
            with pytest.raises(BrowserGone, match="network process"):
                await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=0.5)
        assert await serves(pool, demo_site)
        assert pool.statistics().browsers_lost == 1
        await eventually(adds_up(pool))
    await eventually(lambda: started() == [])


async def test_a_pool_whose_browser_hangs_can_be_closed(
    make_pool: MakePool, started: Started, eventually: Eventually, folders: Folders
) -> None:
    async with make_pool(clean_seconds=0.5) as pool:
        await pool.acquire(LeaseRequest("a"))
        for process in of_role(started(), Role.BROWSER):
            process.suspend()
    await eventually(lambda: started() == [])
    assert folders() == []


@pytest.mark.parametrize("trouble", ("js_loop", "alerts"))
async def test_a_page_that_never_lets_go_ends_with_its_deadline(
    make_pool: MakePool, demo_site: DemoSite, eventually: Eventually, trouble: str
) -> None:
    async def visit(pool: UnifiedBrowserPool) -> None:
        async with pool.lease(site="a", deadline=1.5) as lease:
            await lease.open(f"{demo_site.url}/?trouble={trouble}", timeout_seconds=10)
            await lease.evaluate(IS_READY)

    async with make_pool() as pool:
        with pytest.raises(LeaseEnded):
            await visit(pool)
        assert await serves(pool, demo_site)
        await eventually(adds_up(pool))
        assert pool.statistics().browsers_lost == 0


async def test_a_site_that_never_answers_is_a_timeout_of_that_page(make_pool: MakePool, demo_site: DemoSite) -> None:
    async with make_pool() as pool, pool.lease(site="a") as lease:
        with pytest.raises(NavigationTimeout) as caught:
            await lease.open(f"{demo_site.url}/?trouble=hang", timeout_seconds=0.3)
        assert pool.statistics().browsers_lost == 0
        assert caught.value.seconds == 0.3
        opened = await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
        assert opened.status == 200


async def test_a_download_is_said_to_be_one_and_is_not_kept(
    make_pool: MakePool, demo_site: DemoSite, folders: Folders
) -> None:
    async with make_pool() as pool:
        async with pool.lease(site="a") as lease:
            with pytest.raises(NavigationBecameDownload):
                await lease.open(f"{demo_site.url}/?trouble=download", timeout_seconds=10)
            opened = await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
            assert opened.status == 200
        assert [name for name in folders() if name.endswith(".csv")] == []


async def test_a_storm_of_popups_is_closed_and_the_page_stays_usable(
    make_pool: MakePool, demo_site: DemoSite, eventually: Eventually
) -> None:
    async with make_pool() as pool, pool.lease(site="a", deadline=60) as lease:
        await lease.open(f"{demo_site.url}/?trouble=popups:10", timeout_seconds=10)
        await lease.evaluate(IS_READY)
        while len(await pages_in(pool)) > 1:  # noqa: ASYNC110 the site opens them whenever it likes
            await asyncio.sleep(0.05)
        assert await lease.evaluate("() => document.querySelectorAll('article').length > 0")


async def test_a_launch_goes_on_when_the_one_who_waited_for_it_gives_up(
    make_pool: MakePool, demo_site: DemoSite, started: Started, folders: Folders, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        assert await serves(pool, demo_site)
        for process in of_role(started(), Role.BROWSER):
            process.kill()
        await eventually(lambda: pool.browser is None)
        with pytest.raises(LeaseRefused) as caught:
            await pool.acquire(LeaseRequest("a", deadline_seconds=0.02))
        assert caught.value.reason == "browser"
        await eventually(lambda: pool.browser is not None)
        assert await serves(pool, demo_site)
        assert len(of_role(started(), Role.BROWSER)) == 1
        await eventually(adds_up(pool))
    await eventually(lambda: started() == [])
    assert folders() == []
