"""An identity with a proxy goes through it and nowhere else, with a Playwright page and without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import Identity, Lease, NavigationFailed, Proxy, UnifiedBrowserPool
from tests.browser_pool.web import SCRIPT, ForwardProxy, Page, Web, serving

MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

SITE = "http://site.test"
"""A name that nobody knows: only a proxy can make something of it."""

SOON = "(what) => new Promise(done => { const look = () => eval(what) ? done(true) : setTimeout(look, 10); look(); })"
FETCH = "(url) => fetch(url).then(answer => answer.status, error => String(error))"
FETCH_IN_WORKER = """(url) => new Promise((done) => {
  const worker = new Worker(URL.createObjectURL(new Blob([
    `fetch('${url}').then(answer => postMessage(answer.status), error => postMessage(String(error)))`])));
  worker.onmessage = (event) => done(event.data);
})"""

FRAMED = """async () => {
  // A page is open before its scripts have run.
  while (!window.framed) await new Promise((done) => setTimeout(done, 5));
  return window.framed;
}"""

PAGES: dict[str, Page] = {
    "/": "<!doctype html><title>home</title><body>home",
    "/frame": "<!doctype html><title>frame</title><script>parent.postMessage('here', '*')</script>",
    "/framed": (
        "<!doctype html><script>addEventListener('message', e => { window.framed = e.data })</script>"
        "<iframe src='http://other.test/frame'></iframe>"
    ),
    "/shown": "<!doctype html><img src='/image.png'><script src='/script.js'></script>",
    "/script.js": (SCRIPT, "window.ran = true"),
    "/data": ("text/plain", "data"),
}


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(Web(dict(PAGES))) as web:
        yield web


@pytest.fixture
async def proxy(web: Web) -> AsyncIterator[ForwardProxy]:
    async with serving(ForwardProxy(web)) as proxy:
        yield proxy


@pytest.fixture
async def guarded(web: Web) -> AsyncIterator[ForwardProxy]:
    """A proxy that asks for a password."""
    async with serving(ForwardProxy(web, ("reader", "pässword"))) as proxy:
        yield proxy


@pytest.fixture
def pool(driver_pool: UnifiedBrowserPool) -> UnifiedBrowserPool:
    return driver_pool


def through(server: str, *, username: str = "", password: str = "", bypass: str = "") -> Identity:
    return Identity("away", proxy=Proxy(server, username, password, bypass))


async def status_of(lease: Lease, url: str) -> int | None:
    return (await lease.open(url, timeout_seconds=20)).status


@pytest.mark.browser
async def test_what_is_opened_goes_through_the_proxy_and_others_do_not(
    pool: UnifiedBrowserPool, proxy: ForwardProxy, web: Web
) -> None:
    async with pool.lease(identity=through(proxy.server)) as away, pool.lease() as at_home:
        assert await status_of(away, f"{SITE}/") == 200
        assert proxy.passed == [f"{SITE}/"]
        assert web.asked[-1].host == "site.test"
        assert await status_of(at_home, f"{web.url}/") == 200
        assert proxy.passed == [f"{SITE}/"]


@pytest.mark.browser
async def test_so_does_what_a_page_a_frame_and_a_worker_fetch(
    pool: UnifiedBrowserPool, proxy: ForwardProxy, web: Web
) -> None:
    async with pool.lease(identity=through(proxy.server)) as lease:
        await lease.open(f"{SITE}/framed", timeout_seconds=20)
        assert await lease.evaluate(FRAMED) == "here"
        assert await lease.evaluate(FETCH, "/data?page") == 200
        assert await lease.evaluate(FETCH_IN_WORKER, f"{SITE}/data?worker") == 200
    expected = {f"{SITE}/data?page", f"{SITE}/data?worker", "http://other.test/frame"}
    assert expected <= set(proxy.passed)
    assert len(web.asked) == len(proxy.passed)


@pytest.mark.browser
async def test_even_this_machine_is_asked_for_through_the_proxy(
    pool: UnifiedBrowserPool, proxy: ForwardProxy, web: Web
) -> None:
    async with pool.lease(identity=through(proxy.server)) as lease:
        for url in (web.url, web.other_url):
            assert await status_of(lease, f"{url}/") == 200
            assert proxy.passed[-1] == f"{url}/"


@pytest.mark.browser
@pytest.mark.parametrize("bypass", ("127.0.0.1", "example.com, 127.0.0.1", "<loopback>"))
async def test_what_is_to_go_past_it_does(
    pool: UnifiedBrowserPool, proxy: ForwardProxy, web: Web, bypass: str
) -> None:
    async with pool.lease(identity=through(proxy.server, bypass=bypass)) as lease:
        assert await status_of(lease, f"{web.url}/") == 200
        assert proxy.passed == []
        assert await status_of(lease, f"{SITE}/") == 200
        assert proxy.passed == [f"{SITE}/"]


@pytest.mark.browser
async def test_a_proxy_is_told_the_password_and_the_sites_are_not(
    pool: UnifiedBrowserPool, guarded: ForwardProxy, web: Web
) -> None:
    identity = through(guarded.server, username="reader", password="pässword")
    async with pool.lease(identity=identity) as lease:
        assert await status_of(lease, f"{SITE}/framed") == 200
        assert await lease.evaluate(FRAMED) == "here"
        assert await lease.evaluate(FETCH_IN_WORKER, f"{SITE}/data?worker") == 200
    assert guarded.refused >= 1
    assert {f"{SITE}/framed", "http://other.test/frame", f"{SITE}/data?worker"} <= set(guarded.passed)
    assert not any("authorization" in one.headers for one in web.asked)


@pytest.mark.browser
@pytest.mark.parametrize("password", ("wrong", ""))
async def test_with_a_wrong_password_its_refusal_is_what_comes_and_it_is_not_asked_again_and_again(
    pool: UnifiedBrowserPool, guarded: ForwardProxy, password: str
) -> None:
    async with pool.lease(identity=through(guarded.server, username="reader", password=password)) as lease:
        assert await status_of(lease, f"{SITE}/") == 407
        assert guarded.refused == 2
        assert await status_of(lease, f"{SITE}/") == 407
    assert guarded.passed == []


@pytest.mark.browser
async def test_a_proxy_whose_password_nobody_gave_refuses(pool: UnifiedBrowserPool, guarded: ForwardProxy) -> None:
    async with pool.lease(identity=through(guarded.server)) as lease:
        assert await status_of(lease, f"{SITE}/") == 407


@pytest.mark.browser
async def test_blocking_and_saved_pages_work_behind_a_proxy_with_a_password(
    pool: UnifiedBrowserPool, guarded: ForwardProxy, web: Web
) -> None:
    identity = through(guarded.server, username="reader", password="pässword")
    async with pool.lease(identity=identity) as lease:
        await lease.block(kinds=("image",))
        assert await status_of(lease, f"{SITE}/shown") == 200
        assert await lease.evaluate(SOON, "window.ran")
        assert [path for path in web.paths if path != "/favicon.ico"] == ["/shown", "/script.js"]
        await lease.open(f"{SITE}/kept", timeout_seconds=20, saved_html=b"<!doctype html><title>kept</title>")
        assert await lease.evaluate(SOON, "document.title === 'kept'")
        assert "/kept" not in web.paths


@pytest.mark.browser
async def test_a_proxy_that_is_not_there_is_a_failure_of_the_page_and_not_of_the_browser(
    pool: UnifiedBrowserPool, web: Web, unused_tcp_port: int
) -> None:
    async with pool.lease(identity=through(f"http://127.0.0.1:{unused_tcp_port}")) as lease:
        with pytest.raises(NavigationFailed) as caught:
            await lease.open(f"{web.url}/", timeout_seconds=20)
        assert caught.value.code == "ERR_PROXY_CONNECTION_FAILED"
    assert web.asked == []
    assert pool.statistics().browsers_lost == 0


@pytest.mark.parametrize(
    ("server", "username", "said"),
    (
        ("proxy:3128", "", "named as in"),
        ("http://", "", "named as in"),
        ("ftp://proxy:21", "", "named as in"),
        ("http://reader:secret@proxy:3128", "", "give them apart"),
        ("socks5://proxy:1080", "reader", "SOCKS"),
    ),
)
def test_a_proxy_that_chromium_would_take_and_not_use_is_refused(server: str, username: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Proxy(server, username=username, password="secret" if username else "")
    assert "secret" not in str(caught.value)


def test_a_password_is_not_printed() -> None:
    assert "secret" not in repr(through("http://proxy:3128", username="reader", password="secret"))
