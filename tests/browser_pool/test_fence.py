"""A page leads nowhere it may not lead: not by a redirect, a frame or a script, and nobody there is asked.

Two servers on loopback: one that may be read, one that is private.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest

from browser_pool import (
    Identity,
    Lease,
    NavigationFailed,
    NavigationRefused,
    PageCrashed,
    PageReplaced,
    Proxy,
    UnifiedBrowserPool,
    fence,
)
from tests.browser_pool.web import LOADED, ForwardProxy, Web, serving

pytestmark = pytest.mark.browser

MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

TITLE = "() => document.title"
GO = "(url) => { setTimeout(() => { location = url }, 200) }"
SETTLED = "() => new Promise((done) => setTimeout(() => done(window.said ?? []), 300))"
"""By then whatever a page was going to ask for has been asked for."""


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def private() -> AsyncIterator[Web]:
    page = "<!doctype html><title>private</title>"
    async with serving(Web({"/": page, "/frame": page, "/data": ("application/json", "{}")})) as web:
        yield web


@pytest.fixture
async def web(private: Web) -> AsyncIterator[Web]:
    async with serving(Web()) as web:
        web.moved = {
            "/away": f"{private.url}/",
            "/first": f"{web.url}/second",
            "/second": f"{web.other_url}/away",
            "/around": f"{web.other_url}/",
        }
        web.pages = {
            "/": "<!doctype html><title>home</title>",
            "/framed": (
                f"<!doctype html><title>framed</title><iframe src='{private.url}/frame'></iframe>"
                f"<iframe src='/away'></iframe><iframe src='{web.other_url}/'></iframe><iframe src='/'></iframe>"
            ),
            "/goes": f"<!doctype html><title>stays</title><script>location = '{private.url}/'</script>",
            "/pictured": "<!doctype html><title>pictured</title><img src='/image.png'>",
        }
        yield web


@pytest.fixture
async def lease(driver_pool: UnifiedBrowserPool) -> AsyncIterator[Lease]:
    async with driver_pool.lease(site="pier") as lease:
        yield lease


class Guard:
    """Says no to `private`, and remembers what it was asked."""

    def __init__(self, private: Web) -> None:
        self.private = private
        self.asked: list[str] = []

    async def may_open(self, url: str) -> str | None:
        self.asked.append(url)
        return "it is private" if url.startswith(self.private.url) else None


async def _open(lease: Lease, url: str) -> str:
    await lease.open(url, timeout_seconds=10)
    await lease.evaluate(LOADED)
    return str(await lease.evaluate(TITLE))


@pytest.mark.parametrize("path", ("/away", "/first"))
async def test_a_redirect_to_where_it_may_not_lead_is_refused_before_anybody_is_asked(
    lease: Lease, web: Web, private: Web, path: str
) -> None:
    await lease.fence(Guard(private).may_open)
    with pytest.raises(NavigationRefused) as refused:
        await lease.open(f"{web.url}{path}", timeout_seconds=10)
    error = refused.value
    assert (error.url, error.refused_url, error.reason) == (f"{web.url}{path}", f"{private.url}/", "it is private")
    assert private.asked == []
    assert await _open(lease, f"{web.url}/") == "home"


async def test_nobody_is_asked_about_the_address_that_was_asked_for_and_once_about_each_other_host(
    lease: Lease, web: Web, private: Web
) -> None:
    guard = Guard(private)
    await lease.fence(guard.may_open)
    assert await _open(lease, f"{web.url}/") == "home"
    assert guard.asked == []
    opened = await lease.open(f"{web.url}/around", timeout_seconds=10)
    assert (opened.url, opened.redirects) == (f"{web.other_url}/", (f"{web.url}/around",))
    assert guard.asked == [f"{web.other_url}/"]
    await _open(lease, f"{web.url}/framed")
    assert sorted(guard.asked[1:]) == sorted([f"{web.other_url}/", f"{private.url}/frame"]) or sorted(
        guard.asked[1:]
    ) == sorted([f"{web.other_url}/", f"{private.url}/"])


async def test_a_frame_that_is_refused_stays_empty_and_its_page_can_be_read(
    lease: Lease, web: Web, private: Web
) -> None:
    await lease.fence(Guard(private).may_open)
    assert await _open(lease, f"{web.url}/framed") == "framed"
    assert private.asked == []
    assert web.headers_of("/")["host"] in {web.url[7:], web.other_url[7:]}


async def test_a_page_that_sends_itself_where_it_may_not_go_stays(lease: Lease, web: Web, private: Web) -> None:
    guard = Guard(private)
    await lease.fence(guard.may_open)
    # Not `_open`: a document whose going elsewhere was stopped is complete, and may have no load event.
    await lease.open(f"{web.url}/goes", timeout_seconds=10)
    await lease.evaluate(SETTLED)
    assert await lease.evaluate(TITLE) == "stays"
    assert guard.asked == [f"{private.url}/"]
    assert private.asked == []


async def test_what_a_page_has_had_prefetched_is_left_unread(lease: Lease, web: Web, private: Web) -> None:
    rules = json.dumps({"prefetch": [{"urls": [f"{private.url}/"]}]})
    web.pages["/prefetches"] = f"<!doctype html><title>first</title><script type=speculationrules>{rules}</script>"
    await lease.fence(Guard(private).may_open)
    assert await _open(lease, f"{web.url}/prefetches") == "first"
    await lease.evaluate(SETTLED)
    assert private.paths == ["/"]
    await lease.evaluate(GO, f"{private.url}/")
    said = ""
    while "and was left" not in said:
        try:
            assert await lease.evaluate(TITLE) == "first"
        except PageReplaced as replaced:
            said = str(replaced)
    assert private.url in said
    assert await _open(lease, f"{web.url}/") == "home"


async def test_whoever_cannot_say_that_an_address_may_be_opened_has_refused_it(
    lease: Lease, web: Web, private: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(url: str) -> str | None:
        raise OSError(f"no names today, nor {url}")

    async def hang(url: str) -> str | None:
        await asyncio.Event().wait()
        return url

    monkeypatch.setattr(fence, "ASK_SECONDS", 0.05)
    for guard, words in ((fail, "no names today"), (hang, "not known")):
        await lease.fence(guard)
        with pytest.raises(NavigationRefused, match=words):
            await lease.open(f"{web.url}/away", timeout_seconds=10)
    assert private.asked == []


async def test_a_fence_and_what_is_blocked_hold_together(lease: Lease, web: Web, private: Web) -> None:
    await lease.fence(Guard(private).may_open)
    await lease.block(kinds=["image"])
    assert await _open(lease, f"{web.url}/pictured") == "pictured"
    with pytest.raises(NavigationRefused):
        await lease.open(f"{web.url}/away", timeout_seconds=10)
    await lease.block()
    with pytest.raises(NavigationRefused):
        await lease.open(f"{web.url}/away", timeout_seconds=10)
    assert private.asked == []
    assert "/image.png" not in web.paths


async def test_a_saved_page_is_served_within_a_fence(lease: Lease, web: Web, private: Web) -> None:
    guard = Guard(private)
    await lease.fence(guard.may_open)
    html = f"<!doctype html><title>kept</title><iframe src='{private.url}/frame'></iframe>".encode()
    opened = await lease.open(f"{private.url}/", timeout_seconds=10, saved_html=html)
    assert opened.remote is None
    await lease.evaluate(LOADED)
    assert await lease.evaluate(TITLE) == "kept"
    assert (private.asked, web.asked, guard.asked) == ([], [], [])


async def test_a_fence_holds_behind_a_proxy_that_asks_for_a_password(
    driver_pool: UnifiedBrowserPool, web: Web, private: Web
) -> None:
    web.moved["/inward"] = "http://private.test/"
    asked: list[str] = []

    async def may_open(url: str) -> str | None:
        asked.append(url)
        return "it is private"

    async with serving(ForwardProxy(web, ("reader", "password"))) as proxy:
        identity = Identity("proxied", proxy=Proxy(proxy.server, "reader", "password"))
        async with driver_pool.lease(site="pier", identity=identity) as lease:
            await lease.fence(may_open)
            opened = await lease.open("http://site.test/", timeout_seconds=10)
            assert (opened.status, opened.remote) == (200, None)
            with pytest.raises(NavigationRefused):
                await lease.open("http://site.test/inward", timeout_seconds=10)
        assert asked == ["http://private.test/"]
        assert not any("private.test" in one for one in proxy.passed)


async def test_the_next_lease_is_not_fenced(driver_pool: UnifiedBrowserPool, web: Web, private: Web) -> None:
    guard = Guard(private)
    async with driver_pool.lease(site="pier") as lease:
        await lease.fence(guard.may_open)
        await _open(lease, f"{web.url}/")
        first = lease.context
    async with driver_pool.lease(site="pier") as lease:
        assert lease.context is first
        assert await _open(lease, f"{web.url}/away") == "private"
    assert guard.asked == []


async def test_behind_a_proxy_of_the_environment_nobody_knows_where_a_document_came_from(
    make_pool: MakePool, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(ForwardProxy(web)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.server)
        async with make_pool(max_contexts=1) as pool, pool.lease(site="pier") as lease:
            opened = await lease.open("http://site.test/", timeout_seconds=10)
    assert (opened.status, opened.remote) == (200, None)
    assert proxy.passed == ["http://site.test/"]


async def test_where_a_document_came_from_is_told(lease: Lease, web: Web) -> None:
    assert (await lease.open(f"{web.other_url}/around", timeout_seconds=10)).remote == "127.0.0.1"
    assert (await lease.open("about:blank", timeout_seconds=10)).remote is None
    with pytest.raises(NavigationFailed):
        await lease.open("http://127.0.0.1:9/", timeout_seconds=10)


ASKS_FOR = """<!doctype html><title>public</title><script>window.said = []</script>
<img src='{0}/image'><script src='{0}/script'></script><link rel=stylesheet href='{0}/style'>
<link rel=prefetch href='{0}/prefetch'><iframe src='{0}/frame'></iframe><object data='{0}/object'></object>
<form target=_blank action='{0}/form'></form><script>
  fetch('{0}/data', {{ mode: 'no-cors' }}).then(() => said.push('fetched'), () => said.push('refused'))
  navigator.sendBeacon('{0}/beacon', 'x')
  new EventSource('{0}/events')
  new WebSocket('{0}/socket'.replace('http', 'ws'))
  new Worker(URL.createObjectURL(new Blob(["fetch('{0}/worker', {{ mode: 'no-cors' }})"])))
  document.forms[0].submit()
  window.open('{0}/window')
</script>"""


async def test_a_public_page_gets_nothing_from_a_private_address_nor_opens_windows_there(
    make_pool: MakePool, chromium: Path, private: Web, web: Web, scratch: Path
) -> None:
    # Chromium is told that one port of loopback is the internet.
    public = scratch.parent / f"{scratch.name}-public"
    switch = f"--ip-address-space-overrides=127.0.0.1:{web.port}=public"
    public.write_text(f'#!/bin/sh\nexec "{chromium}" "$@" {switch}\n')
    public.chmod(0o755)
    tries = [f"/asks/{number}" for number in range(6)]
    web.pages |= dict.fromkeys(tries, ASKS_FOR.format(private.url))
    try:
        async with make_pool(max_contexts=1, chromium=public) as pool:
            said = await _asked(pool, [f"{web.url}{path}" for path in tries])
    finally:
        public.unlink()
    assert said == ["refused"]
    assert private.paths == []


async def _asked(pool: UnifiedBrowserPool, tries: Sequence[str]) -> object:
    """What the same page got, at the first of several addresses that lives.

    About one time in ten Chromium ends its renderer instead, for RFH_INACTIVE_CHECK_FROM_PENDING_COMMIT_RFH: somebody
    private was asked before the page had committed. Three such deaths, and a pool leaves an address alone.
    """
    for url in tries:
        with suppress(PageCrashed):
            async with pool.lease(site="pier") as lease:
                assert await _open(lease, url) == "public"
                return await lease.evaluate(SETTLED)
    raise AssertionError(f"the renderer was ended {len(tries)} times of {len(tries)}")
