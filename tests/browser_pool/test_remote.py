"""Browsers that run elsewhere serve leases as those here do, and cost next to nothing here."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import psutil
import pytest

from browser_pool import (
    Endpoint,
    EndpointUnreachable,
    Lease,
    LeaseRequest,
    NoPlaywrightPage,
    UnifiedBrowserPool,
)
from browser_pool.endpoint import LOCAL
from browser_pool.processes import below
from tests.browser_pool.elsewhere import PlaywrightServer, RemoteChromium, doorkeeper
from tests.browser_pool.web import LOADED, Page, Web, serving
from tests.needs import rest_slow

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Started = Callable[[], list[psutil.Process]]
Remote = RemoteChromium | PlaywrightServer

PAGES: dict[str, Page] = {
    "/": "<!doctype html><title>home</title><body>home<img src='/image.png'>",
    "/image.png": ("image/png", ""),
}


@pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(Web(dict(PAGES))) as web:
        yield web


@pytest.fixture
async def remote(chromium: Any) -> AsyncIterator[RemoteChromium]:
    async with RemoteChromium(chromium) as remote:
        yield remote


@pytest.fixture
async def other(chromium: Any) -> AsyncIterator[RemoteChromium]:
    async with RemoteChromium(chromium) as other:
        yield other


@pytest.fixture(params=(RemoteChromium, PlaywrightServer), ids=("devtools", "server"))
async def either(request: pytest.FixtureRequest, chromium: Any) -> AsyncIterator[Remote]:
    async with request.param(chromium) as either:
        yield either


def at(*places: Remote) -> tuple[Endpoint, ...]:
    return tuple(Endpoint.parse(place.address) for place in places)


def place_of(lease: Lease) -> Endpoint:
    assert lease.context.source is not None
    return lease.context.source.endpoint


def adds_up(pool: UnifiedBrowserPool) -> Callable[[], bool]:
    """All that was made is free or closed, and nobody holds or waits for anything."""

    def look() -> bool:
        now = pool.statistics()
        held = now.waiting + now.leased + now.cleaning + now.closing
        return held == 0 and now.contexts_made - now.contexts_closed == now.free

    return look


async def reads(lease: Lease, web: Web) -> None:
    assert (await lease.open(f"{web.url}/", timeout_seconds=20)).status == 200
    assert await lease.evaluate(LOADED)
    assert await lease.evaluate("() => document.title") == "home"


@pytest.mark.processes
async def test_a_lease_elsewhere_has_the_four_verbs(
    make_pool: MakePool, either: Remote, web: Web, *, needs_page: bool
) -> None:
    async with make_pool(endpoints=at(either)) as pool, pool.lease(site="a") as lease:
        assert place_of(lease) == at(either)[0]
        await reads(lease, web)
        assert (await lease.evaluate("() => navigator.userAgent")).endswith(" Tidegate")
        await lease.evaluate(
            "() => new Promise(done => { onload = done; if (document.readyState === 'complete') done(); })"
        )
        assert "/image.png" in web.paths
        web.asked.clear()
        await lease.block(["*.png"])
        await reads(lease, web)
        await lease.reclaim()
        assert await lease.evaluate("text => text + '!'", "kept") == "kept!"
        assert "/image.png" not in web.paths
        if needs_page or isinstance(either, PlaywrightServer):
            assert await lease.page.title() == "home"
        else:
            with pytest.raises(NoPlaywrightPage):
                _ = lease.page


@pytest.mark.processes
async def test_a_context_elsewhere_is_warm_for_the_next_and_a_fresh_one_is_not_used_again(
    make_pool: MakePool, either: Remote, web: Web, eventually: Eventually
) -> None:
    async with make_pool(endpoints=at(either)) as pool:
        numbers = []
        for isolation in ("warm", "warm", "fresh"):
            async with pool.lease(site="a", isolation=isolation) as lease:
                await reads(lease, web)
                numbers.append(lease.context.number)
            await eventually(lambda: pool.statistics().free == 1 and adds_up(pool)())
        assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.processes
async def test_its_memory_is_not_charged_here(
    make_pool: MakePool, either: Remote, web: Web, started: Started, *, needs_page: bool
) -> None:
    async with make_pool(endpoints=at(either), remote_context_bytes=1234567) as pool:
        for _ in range(2):
            async with pool.lease(site="a") as lease:
                await reads(lease, web)
                assert lease.reservation.promised_bytes == 1234567
        assert pool._fleet.local_browsers == ()
        uses_driver = needs_page or isinstance(either, PlaywrightServer)
        ours = [process for process in started() if process not in below(either.process)]
        assert len(ours) == (1 if uses_driver else 0)


@pytest.mark.processes
async def test_it_goes_on_when_the_pool_closes_and_nothing_of_ours_stays_there(
    make_pool: MakePool, remote: RemoteChromium, web: Web
) -> None:
    async with make_pool(endpoints=at(remote)) as pool:
        async with pool.lease(site="a") as one, pool.lease(site="b", isolation="fresh") as other:
            await reads(one, web)
            await reads(other, web)
            assert len(await remote.contexts()) == 2
            assert sorted(await remote.pages()) == ["about:blank", f"{web.url}/", f"{web.url}/"]
        await pool.acquire(LeaseRequest("left behind"))
    assert remote.process.is_running()
    while await remote.contexts():
        # It learns that we have hung up in its own time.
        continue
    assert await remote.pages() == ["about:blank"]


async def test_a_playwright_server_goes_on_when_the_pool_closes(make_pool: MakePool, chromium: Any, web: Web) -> None:
    async with PlaywrightServer(chromium) as server:
        for _ in range(2):
            async with make_pool(endpoints=at(server)) as pool, pool.lease(site="a") as lease:
                await reads(lease, web)
            assert server.process.is_running()


@pytest.mark.processes
async def test_a_name_that_devtools_do_not_answer_to_is_made_an_address_first(
    make_pool: MakePool, remote: RemoteChromium, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def knows_one_more(host: Any, *arguments: Any, **options: Any) -> Any:
        return look_up("127.0.0.1" if host == "browser.test" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", knows_one_more)
    named = Endpoint.parse(remote.address.replace("127.0.0.1", "browser.test"))
    async with make_pool(endpoints=(named,)) as pool, pool.lease(site="a") as lease:
        await reads(lease, web)


@pytest.mark.processes
async def test_leases_are_spread_and_a_place_takes_no_more_than_it_may(
    make_pool: MakePool, remote: RemoteChromium, other: RemoteChromium, web: Web
) -> None:
    small, large = Endpoint(at(remote)[0].kind, remote.address, max_contexts=1), at(other)[0]
    async with make_pool(endpoints=(small, large), max_contexts=3) as pool, AsyncExitStack() as stack:
        leases = [await stack.enter_async_context(pool.lease(site=site)) for site in ("a", "b", "c")]
        assert [place_of(lease) for lease in leases] == [small, large, large]
        for lease in leases:
            await reads(lease, web)


@pytest.mark.processes
async def test_this_machine_and_another_serve_side_by_side(
    make_pool: MakePool, remote: RemoteChromium, web: Web, started: Started
) -> None:
    async with make_pool(endpoints=(LOCAL, *at(remote))) as pool:
        async with pool.lease(site="a") as here, pool.lease(site="b") as there:
            assert (place_of(here).is_local, place_of(there).is_local) == (True, False)
            await reads(here, web)
            await reads(there, web)
            assert here.reservation.promised_bytes > there.reservation.promised_bytes
        assert len(pool._fleet.local_browsers) == 1


@pytest.mark.processes
async def test_a_place_that_asks_for_a_password_is_told_it(make_pool: MakePool, either: Remote, web: Web) -> None:
    async with doorkeeper(either.port, "user", "pass word") as port:
        address = either.address.replace(f"://127.0.0.1:{either.port}", f"://user:pass%20word@127.0.0.1:{port}")
        async with make_pool(endpoints=(Endpoint.parse(address),)) as pool, pool.lease(site="a") as lease:
            await reads(lease, web)
        with pytest.raises(EndpointUnreachable, match="401") as caught:
            async with make_pool(endpoints=(Endpoint.parse(address.replace("pass%20", "wrong")),)):
                pytest.fail("it is somebody else's")
        assert "wrong" not in str(caught.value)
