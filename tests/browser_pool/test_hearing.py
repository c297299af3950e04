"""What a page asks for by itself is heard, within bounds, and belongs to the address that is open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import Heard, Lease, UnifiedBrowserPool
from browser_pool.hearing import MOST_BODIES, MOST_BODY_BYTES
from tests.browser_pool.web import LOADED, Page, Web, serving

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

JSON = "application/json"
POSTS = {"posts": [{"id": 1, "text": "Grüße 🌊"}]}

FETCH = "(urls) => Promise.all(urls.map((url) => fetch(url).then((one) => one.text()))).then((all) => all.length)"
IN_TURN = "async (urls) => { for (const url of urls) await (await fetch(url)).text() }"
REQUEST = """(url) => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.onload = () => done(request.status);
  request.open('GET', url);
  request.send();
})"""

IMAGE = "(url) => new Promise((done) => Object.assign(new Image(), { src: url, onerror: () => done(true) }))"


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    pages: dict[str, Page] = {
        "/": "<!doctype html><title>home</title>",
        "/feed": "<!doctype html><script>fetch('/api/feed').then(answer => answer.json())</script>",
        "/api/feed": (JSON, json.dumps(POSTS, ensure_ascii=False)),
        "/api/more": ("application/vnd.pier+json; charset=utf-8", "[2]"),
        "/api/unnamed": ("text/plain", '\n{"n": 3}'),
        "/api/words": ("text/plain", "no JSON at all"),
        "/elsewhere": (JSON, "{}"),
        "/image.json": (JSON, "{}"),
    }
    async with serving(Web(pages)) as web:
        yield web


@pytest.fixture
async def lease(driver_pool: UnifiedBrowserPool) -> AsyncIterator[Lease]:
    async with driver_pool.lease(site="pier") as lease:
        yield lease


async def _open(lease: Lease, url: str) -> None:
    await lease.open(url, timeout_seconds=10)
    await lease.evaluate(LOADED)


async def _hear(lease: Lease, count: int) -> list[Heard]:
    """All that is heard until it is `count`. A large body takes its time where the machine is busy."""
    heard: list[Heard] = []
    while len(heard) < count:
        heard += await lease.heard()
    return heard


async def test_what_a_page_asks_for_is_heard_once_and_in_order(lease: Lease, web: Web) -> None:
    await lease.hear(["*/api/*"])
    await _open(lease, f"{web.url}/")
    await lease.evaluate(IN_TURN, ["/api/feed", "/api/more"])
    await lease.evaluate(REQUEST, "/api/unnamed")
    heard = await lease.heard()
    assert [one.url.removeprefix(web.url) for one in heard] == ["/api/feed", "/api/more", "/api/unnamed"]
    assert [json.loads(one.body) for one in heard] == [POSTS, [2], {"n": 3}]
    assert {one.status for one in heard} == {200}
    assert await lease.heard() == []
    assert lease.missed == 0


async def test_what_is_no_json_or_comes_from_elsewhere_is_not_heard(lease: Lease, web: Web) -> None:
    await lease.hear(["*/api/*", "*/image.json"])
    await _open(lease, f"{web.url}/")
    await lease.evaluate(FETCH, ["/api/words", "/elsewhere"])
    await lease.evaluate(IMAGE, "/image.json")
    assert await lease.heard() == []
    assert lease.missed == 0


async def test_an_error_is_heard_with_its_status(lease: Lease, web: Web) -> None:
    web.moved["/api/old"] = f"{web.url}/api/more"
    await lease.hear(["*/api/*"])
    await _open(lease, f"{web.url}/")
    await lease.evaluate(FETCH, ["/api/old"])
    assert await lease.heard() == [Heard(f"{web.url}/api/more", 200, "[2]")]


async def test_what_was_heard_is_forgotten_with_its_page(lease: Lease, web: Web) -> None:
    await lease.hear(["*/api/*"])
    await _open(lease, f"{web.url}/")
    await lease.evaluate("() => { for (let n = 0; n < 30; n++) fetch('/api/more?' + n) }")
    await _open(lease, f"{web.url}/feed")
    await lease.evaluate(FETCH, ["/api/feed?2"])
    assert {one.url.removeprefix(web.url) for one in await lease.heard()} == {"/api/feed", "/api/feed?2"}
    assert lease.missed == 0


async def test_a_body_that_is_too_large_is_missed_and_said_to_be(lease: Lease, web: Web) -> None:
    web.pages["/api/huge"] = (JSON, json.dumps("x" * MOST_BODY_BYTES))
    web.pages["/api/large"] = (JSON, json.dumps("x" * (MOST_BODY_BYTES - 1024)))
    await lease.hear(["*/api/*"])
    await _open(lease, f"{web.url}/")
    await lease.evaluate(IN_TURN, ["/api/huge", "/api/large", "/api/more"])
    heard = await _hear(lease, 2)
    assert [one.url.removeprefix(web.url) for one in heard] == ["/api/large", "/api/more"]
    assert lease.missed == 1


async def test_no_more_is_kept_than_there_is_room_for(lease: Lease, web: Web, eventually: Eventually) -> None:
    web.pages["/api/large"] = (JSON, json.dumps("x" * (MOST_BODY_BYTES - 1024)))
    await lease.hear(["*/api/*"])
    await _open(lease, f"{web.url}/")
    await lease.evaluate(IN_TURN, [f"/api/large?{n}" for n in range(3)])
    await eventually(lambda: lease.missed == 1)
    assert len(await _hear(lease, 2)) == 2
    await lease.evaluate(IN_TURN, [f"/api/more?{n}" for n in range(MOST_BODIES + 3)])
    await eventually(lambda: lease.missed == 4)
    assert len(await _hear(lease, MOST_BODIES)) == MOST_BODIES
    await _open(lease, f"{web.url}/feed")
    assert lease.missed == 0


async def test_a_response_that_never_ends_is_not_waited_for_twice(lease: Lease, web: Web) -> None:
    web.endless["/api/stream"] = (JSON, "[1, ")
    await lease.hear(["*/api/*"])
    await _open(lease, f"{web.url}/")
    await lease.evaluate("(url) => fetch(url).then((answer) => answer.status)", "/api/stream")
    assert await lease.heard() == []
    await lease.evaluate(FETCH, ["/api/more"])
    assert [one.body for one in await lease.heard()] == ["[2]"]


async def test_nothing_is_heard_that_nobody_asked_to_hear(lease: Lease, web: Web) -> None:
    await _open(lease, f"{web.url}/")
    await lease.evaluate(FETCH, ["/api/feed"])
    assert await lease.heard() == []
    await lease.hear(["*/api/*"])
    await lease.hear(())
    await lease.evaluate(FETCH, ["/api/feed"])
    assert await lease.heard() == []


async def test_the_next_lease_hears_nothing_of_the_one_before(driver_pool: UnifiedBrowserPool, web: Web) -> None:
    async with driver_pool.lease(site="pier") as lease:
        await lease.hear(["*"])
        await _open(lease, f"{web.url}/feed")
        first = lease.context
    async with driver_pool.lease(site="pier") as lease:
        assert lease.context is first
        await _open(lease, f"{web.url}/feed")
        assert await lease.heard() == []


async def test_what_is_blocked_stays_blocked_while_a_page_is_listened_to(lease: Lease, web: Web) -> None:
    await lease.block(["*/elsewhere*"], ["image"])
    await lease.hear(["*"])
    await _open(lease, f"{web.url}/")
    asked = await lease.evaluate("(url) => fetch(url).then(() => 'came', () => 'refused')", "/elsewhere")
    await lease.hear(())
    again = await lease.evaluate("(url) => fetch(url).then(() => 'came', () => 'refused')", "/elsewhere")
    assert (asked, again) == ("refused", "refused")
    assert "/elsewhere" not in web.paths
