"""What contexts keep from one another and from those who come after, with a Playwright page and without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from browser_pool import Identity, Lease, UnifiedBrowserPool
from tests.browser_pool.web import LOADED, SCRIPT, Page, Web, serving

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

REGISTER = "navigator.serviceWorker.register('/service.js')"
REGISTER_AT_THE_PROTOTYPE = "ServiceWorkerContainer.prototype.register.call(navigator.serviceWorker, '/service.js')"
REGISTRATIONS = "tried.catch(() => {}).then(() => navigator.serviceWorker.getRegistrations()).then(all => all.length)"

PAGES: dict[str, Page] = {
    "/": "<!doctype html><title>home</title><body>home",
    "/scripted": "<!doctype html><body>before<script>document.body.textContent = 'after'</script>",
    "/unscripted": "<!doctype html><body><noscript>without</noscript>",
    "/registers": f"<!doctype html><script>const tried = {REGISTER}</script>",
    "/insists": f"<!doctype html><script>const tried = {REGISTER_AT_THE_PROTOTYPE}</script>",
    "/frame": (
        f"<!doctype html><script>const tried = {REGISTER}; {REGISTRATIONS}.then(n => parent.postMessage(n, '*'))"
        "</script>"
    ),
    "/service.js": (SCRIPT, "self.onfetch = () => {}"),
}


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(Web(dict(PAGES))) as web:
        yield web


@pytest.fixture
def pool(driver_pool: UnifiedBrowserPool) -> UnifiedBrowserPool:
    return driver_pool


def all_free(pool: UnifiedBrowserPool, count: int) -> Callable[[], bool]:
    return lambda: (now := pool.statistics()).free == count and now.leased + now.cleaning + now.closing == 0


async def leave_something(lease: Lease, web: Web, value: str) -> None:
    await lease.open(f"{web.url}/", timeout_seconds=20)
    await lease.evaluate(
        "(value) => { document.cookie = `who=${value}`; localStorage.setItem('who', value); }", value
    )


async def found(lease: Lease, web: Web) -> list[str | None]:
    """What a page finds of those before it: cookie, local storage, and the cookie that the server was sent."""
    await lease.open(f"{web.url}/", timeout_seconds=20)
    here: list[str | None] = await lease.evaluate("() => [document.cookie, localStorage.getItem('who')]")
    return [*here, web.headers_of("/").get("cookie", "")]


async def test_what_one_identity_is_given_another_never_has(pool: UnifiedBrowserPool, web: Web) -> None:
    one, other = Identity("one"), Identity("other")
    async with pool.lease(site="a", identity=one) as first, pool.lease(site="a", identity=other) as second:
        await leave_something(first, web, "one")
        assert await found(second, web) == ["", None, ""]
        await leave_something(second, web, "other")
        assert await found(first, web) == ["who=one", "one", "who=one"]


async def test_the_same_site_and_identity_find_what_they_left_and_others_do_not(
    pool: UnifiedBrowserPool, web: Web, eventually: Eventually
) -> None:
    me = Identity("me")
    async with pool.lease(site="a", identity=me) as lease:
        await leave_something(lease, web, "me")
        number = lease.context.number
    await eventually(all_free(pool, 1))
    for site, identity in (("b", me), ("a", Identity("other")), ("a", Identity("me", locale="de-DE"))):
        async with pool.lease(site=site, identity=identity, isolation="fresh") as lease:
            assert lease.context.number != number
            assert await found(lease, web) == ["", None, ""]
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a", identity=Identity("me")) as lease:
        assert lease.context.number == number
        assert await found(lease, web) == ["who=me", "me", "who=me"]


async def test_a_fresh_context_finds_nothing_of_before_and_leaves_nothing_for_after(
    pool: UnifiedBrowserPool, web: Web, eventually: Eventually
) -> None:
    async with pool.lease(site="a") as lease:
        await leave_something(lease, web, "warm")
    await eventually(all_free(pool, 1))
    for _ in range(2):
        async with pool.lease(site="a", isolation="fresh") as lease:
            assert await found(lease, web) == ["", None, ""]
            await leave_something(lease, web, "fresh")
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a") as lease:
        assert await found(lease, web) == ["who=warm", "warm", "who=warm"]


async def test_what_was_blocked_for_one_lease_is_not_for_the_next(
    pool: UnifiedBrowserPool, web: Web, eventually: Eventually
) -> None:
    fetch = "() => fetch('/').then(answer => answer.status, () => 'refused')"
    async with pool.lease(site="a") as lease:
        await lease.open(f"{web.url}/", timeout_seconds=20)
        await lease.block(["*:*/"], ["fetch"])
        assert await lease.evaluate(fetch) == "refused"
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a") as lease:
        await lease.open(f"{web.url}/", timeout_seconds=20)
        assert await lease.evaluate(fetch) == 200


async def test_without_javascript_a_page_runs_none_and_can_still_be_read(pool: UnifiedBrowserPool, web: Web) -> None:
    plain = Identity("plain", javascript=False)
    async with pool.lease() as with_scripts, pool.lease(identity=plain) as without:
        assert await text_of(with_scripts, f"{web.url}/scripted") == "after"
        assert await text_of(without, f"{web.url}/scripted") == "before"
        assert await text_of(without, f"{web.url}/unscripted") == "without"


async def text_of(lease: Lease, url: str) -> str:
    await lease.open(url, timeout_seconds=20)
    state = ""
    while state != "complete":
        # Without JavaScript no event tells.
        state = await lease.evaluate("() => document.readyState")
    text: str = await lease.evaluate("() => document.body.innerText")
    return text


async def test_without_javascript_local_storage_is_still_brought_along(
    pool: UnifiedBrowserPool, web: Web, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    path.write_text(f'{{"origins": [{{"origin": "{web.url}", "localStorage": [{{"name": "who", "value": "me"}}]}}]}}')
    async with pool.lease(identity=Identity("plain", storage_state=path, javascript=False)) as lease:
        assert (await found(lease, web))[1] == "me"


@pytest.mark.parametrize("path", ("/registers", "/insists"))
async def test_a_service_worker_is_refused_before_it_is_asked_for(
    pool: UnifiedBrowserPool, web: Web, path: str
) -> None:
    async with pool.lease() as lease:
        await lease.open(web.url + path, timeout_seconds=20)
        assert await lease.evaluate(LOADED)
        assert await lease.evaluate(f"() => {REGISTRATIONS}") == 0
    assert "/service.js" not in web.paths


async def test_so_it_is_in_a_frame_of_another_site(pool: UnifiedBrowserPool, web: Web) -> None:
    async with pool.lease() as lease:
        await lease.open(f"{web.url}/", timeout_seconds=20)
        assert await lease.evaluate(LOADED)
        asked = """(url) => new Promise((done) => {
          addEventListener('message', (event) => done(event.data));
          document.body.append(Object.assign(document.createElement('iframe'), {src: url}));
        })"""
        assert await lease.evaluate(asked, f"{web.other_url}/frame") == 0
    assert "/frame" in web.paths
    assert "/service.js" not in web.paths
