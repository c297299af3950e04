"""Browsers elsewhere that are down, go down or come back: what is left goes on, and what is back is used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import psutil
import pytest

from browser_pool import (
    BrowserGone,
    Endpoint,
    EndpointUnreachable,
    Lease,
    LeaseRefused,
    UnifiedBrowserPool,
    breaker,
)
from browser_pool.events import EndpointDown, PoolEvent
from tests.browser_pool.elsewhere import PlaywrightServer, RemoteChromium
from tests.browser_pool.web import LOADED, Web, serving
from tests.needs import rest_slow

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Started = Callable[[], list[psutil.Process]]
Remote = RemoteChromium | PlaywrightServer

HANG = "() => new Promise(() => {})"

PAGES = {"/": "<!doctype html><title>home</title><body>home"}


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


@pytest.fixture
def nowhere(unused_tcp_port: int) -> Endpoint:
    """A place where nobody answers."""
    return Endpoint.parse(f"http://user:secret@127.0.0.1:{unused_tcp_port}")


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that was down is tried again at once."""
    monkeypatch.setattr(breaker, "pause_seconds", lambda _failures: 0.0)


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
async def test_a_pool_opens_and_serves_while_one_of_its_places_is_down(
    make_pool: MakePool, remote: RemoteChromium, web: Web, nowhere: Endpoint, eventually: Eventually
) -> None:
    async with make_pool(endpoints=(nowhere, *at(remote))) as pool:
        async with pool.lease(site="a") as one, pool.lease(site="b") as other:
            for lease in (one, other):
                assert place_of(lease) == at(remote)[0]
                await reads(lease, web)
        await eventually(adds_up(pool))


async def test_where_every_place_is_down_the_pool_does_not_open_and_says_why_without_the_password(
    make_pool: MakePool, nowhere: Endpoint
) -> None:
    with pytest.raises(EndpointUnreachable) as caught:
        async with make_pool(endpoints=(nowhere,)):
            pytest.fail("there is nothing to open")
    assert nowhere.name in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ("ws://user:secret@127.0.0.1:{}/?token=secret", "http://user:secret@127.0.0.1:{}")
)
async def test_what_answers_and_is_no_browser_is_said_to_be_none_without_the_password(
    make_pool: MakePool, web: Web, address: str
) -> None:
    with pytest.raises(EndpointUnreachable) as caught:
        async with make_pool(endpoints=(Endpoint.parse(address.format(web.port)),)):
            pytest.fail("there is nothing to open")
    assert f"127.0.0.1:{web.port}" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.processes
async def test_when_the_last_place_goes_down_requests_are_refused_with_its_name(
    make_pool: MakePool, remote: RemoteChromium, web: Web, eventually: Eventually
) -> None:
    async with make_pool(endpoints=at(remote)) as pool:
        async with pool.lease(site="a") as lease:
            await reads(lease, web)
        await remote.kill()
        await eventually(lambda: pool.statistics().browsers_lost == 1)
        with pytest.raises(EndpointUnreachable, match=remote.address):
            async with pool.lease(site="a"):
                pytest.fail("there is no browser")
        with pytest.raises(LeaseRefused, match=remote.address) as caught:
            async with pool.lease(site="a", deadline=0.1):
                pytest.fail("there is no browser")
        assert caught.value.reason == "browser"
        await eventually(adds_up(pool))


@pytest.mark.processes
async def test_a_place_that_dies_ends_its_leases_and_no_others(
    make_pool: MakePool, remote: RemoteChromium, other: RemoteChromium, web: Web, eventually: Eventually
) -> None:
    first, second = at(remote, other)
    async with make_pool(endpoints=(first, second), max_contexts=4) as pool:
        async with pool.lease(site="a", isolation="fresh") as dying, pool.lease(site="b") as living:
            assert (place_of(dying), place_of(living)) == (first, second)
            await reads(dying, web)
            await reads(living, web)
            await living.evaluate("() => { window.kept = 'here'; }")
            hanging = asyncio.create_task(dying.evaluate(HANG))
            await dying.evaluate("() => 1")
            await remote.kill()
            with pytest.raises(BrowserGone):
                await hanging
            with pytest.raises(BrowserGone):
                await dying.evaluate("() => 1")
            assert await living.evaluate("() => window.kept") == "here"
            async with pool.lease(site="c") as instead:
                assert place_of(instead) == second
                await reads(instead, web)
            assert pool.statistics().browsers_lost == 1
        await eventually(adds_up(pool))


@pytest.mark.processes
@pytest.mark.usefixtures("no_pause")
async def test_a_place_that_is_back_is_used_again(
    make_pool: MakePool, remote: RemoteChromium, other: RemoteChromium, web: Web, eventually: Eventually
) -> None:
    first, second = at(remote, other)
    async with make_pool(endpoints=(first, second), max_contexts=4) as pool, pool.lease(site="a") as kept:
        assert place_of(kept) == first
        async with pool.lease(site="b") as one:
            assert place_of(one) == second
            await remote.kill()
            await eventually(lambda: pool.statistics().browsers_lost == 1)
            async with pool.lease(site="c", isolation="fresh") as instead:
                assert place_of(instead) == second
            await remote.start()
            async with pool.lease(site="d") as again:
                assert place_of(again) == first
                await reads(again, web)


@pytest.mark.processes
async def test_who_waits_for_a_place_to_come_back_is_served_when_it_is(
    make_pool: MakePool, either: Remote, web: Web, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[PoolEvent] = []
    monkeypatch.setattr(breaker, "pause_seconds", lambda _failures: 0.2)

    async def persist(pool: UnifiedBrowserPool) -> None:
        while True:
            try:
                async with pool.lease(site="a", deadline=60) as lease:
                    await reads(lease, web)
                    return
            except (EndpointUnreachable, BrowserGone):
                continue

    async with make_pool(endpoints=at(either)) as pool:
        pool.on_event(told.append)
        await either.kill()
        await eventually(lambda: pool.browser is None)
        persisting = asyncio.create_task(persist(pool))
        await eventually(lambda: any(isinstance(event, EndpointDown) for event in told))
        await either.start()
        await persisting
        await eventually(adds_up(pool))
