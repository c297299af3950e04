"""What is blocked never reaches a server: not from the page, its frames in other processes, or its workers."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from browser_pool import Blocking, Lease, UnifiedBrowserPool
from browser_pool.blocking import KINDS
from browser_pool.cdp.browser import CdpBrowser
from browser_pool.node.browser import NodeBrowser
from tests.browser_pool.shared import sharing
from tests.browser_pool.web import SCRIPT, Page, Web, serving
from tests.needs import rest_slow

MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

FETCHES = """
const settled = (name) => fetch(name).then(() => name, () => name);
const work = () => Promise.all(['/data?fetch', '/ads/data?fetch', '/ads/image.png?fetch'].map(settled));
"""

SHOWN = """<!doctype html>
<link rel="stylesheet" href="/style.css">
<img src="/image.png"><img src="/ads/image.png"><video src="/film.mp4" preload="auto"></video>
<script>const loaded = new Promise(done => addEventListener('load', done)).then(() => {
  const ask = new XMLHttpRequest();
  ask.open('GET', '/xhr');
  const asked = new Promise(done => { ask.onloadend = done; ask.send(); });
  return Promise.all([fetch('/data').catch(() => 0), asked, document.fonts.load('1em f').catch(() => 0)]);
});</script>
<script src="/script.js"></script><script src="/ads/script.js"></script>"""

FRAMED = """<!doctype html><script>
const told = new Promise(done => addEventListener('message', event => done(event.data)));
document.write(`<iframe src="http://localhost:${location.port}/frame"></iframe>`);
</script>"""

FRAME = """<!doctype html><img src="/image.png"><img src="/ads/image.png"><script>""" + (
    FETCHES + "addEventListener('load', () => work().then(() => parent.postMessage('done', '*')))</script>"
)

WORKS = """<!doctype html><script>
const told = new Promise(done => { new Worker('/worker.js').onmessage = event => done(event.data); });
</script>"""

PAGES: dict[str, Page] = {
    "/shown": SHOWN,
    "/style.css": ("text/css", "@font-face { font-family: f; src: url(/font.woff2); } body { font-family: f; }"),
    "/image.png": ("image/png", ""),
    "/ads/image.png": ("image/png", ""),
    "/film.mp4": ("video/mp4", ""),
    "/script.js": (
        SCRIPT,
        "fetch('/data'); const asked = new XMLHttpRequest(); asked.open('GET', '/xhr'); asked.send();",
    ),
    "/ads/script.js": (SCRIPT, "window.ads = true"),
    "/data": ("text/plain", "data"),
    "/xhr": ("text/plain", "data"),
    "/ads/data": ("text/plain", "data"),
    "/framed": FRAMED,
    "/frame": FRAME,
    "/works": WORKS,
    "/worker.js": (SCRIPT, FETCHES + "work().then(() => postMessage('done'))"),
    "/nested": WORKS.replace("/worker.js", "/outer.js"),
    "/outer.js": (SCRIPT, "new Worker('/worker.js').onmessage = event => postMessage(event.data)"),
    "/deep": FRAMED.replace("/frame", "/middle"),
    "/middle": (
        "<!doctype html><script>addEventListener('message', event => parent.postMessage(event.data, '*'));"
        "document.write(`<iframe src='http://127.0.0.1:${location.port}/works_too'></iframe>`)</script>"
    ),
    "/works_too": (
        "<!doctype html><script>new Worker('/worker.js').onmessage = event => parent.postMessage(event.data, '*')"
        "</script>"
    ),
}

SETTLED = """(name) => new Promise((done) => {
  const look = () => { try { return eval(name); } catch { return null; } };
  const wait = () => look() === null ? setTimeout(wait, 10) : look().then(() => done(true));
  wait();
})"""
"""A document that has begun to arrive has not run its scripts yet."""

WHERE = ("/framed", "/works", "/nested", "/deep")
"""A frame of another site, a worker, a worker of a worker, a worker of a frame in a frame."""


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(Web(dict(PAGES))) as web:
        yield web


@pytest.fixture(scope="session")
def each_apart(chromium: Path, open_folder: Path) -> Path:
    """A Chromium that has each site in a process of its own, however little memory there is."""
    path = open_folder / "chromium-each-apart"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(str(chromium))} --site-per-process "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
async def bare_pool_apart(each_apart: Path) -> AsyncIterator[UnifiedBrowserPool]:
    async with sharing(each_apart, slots=2, needs_page=False) as pool:
        yield pool


@pytest.fixture(scope="session")
async def page_pool_apart(each_apart: Path) -> AsyncIterator[UnifiedBrowserPool]:
    async with sharing(each_apart, slots=2, needs_page=True) as pool:
        yield pool


@pytest.fixture
def shared_pool(request: pytest.FixtureRequest, chromium: Path, *, needs_page: bool) -> UnifiedBrowserPool:
    pool: UnifiedBrowserPool = request.getfixturevalue("page_pool_apart" if needs_page else "bare_pool_apart")
    return pool


async def frames_apart(pool: UnifiedBrowserPool) -> list[str]:
    """The frames that Chromium has in processes of their own, by their address."""
    browser = pool.browser
    everything: dict[str, Any] = {"filter": [{}]}
    if isinstance(browser, CdpBrowser):
        answer = await browser._connection.browser.send("Target.getTargets", **everything)
    else:
        assert isinstance(browser, NodeBrowser)
        answer = await browser._line.send("Target.getTargets", **everything)
    return [target["url"] for target in answer["targetInfos"] if target["type"] == "iframe"]


async def asked_for(lease: Lease, web: Web, path: str, done: str) -> set[str]:
    """What has reached the server when `done` has come true in the page."""
    web.asked.clear()
    await lease.open(web.url + path, timeout_seconds=20)
    assert await lease.evaluate(SETTLED, done)
    return {one.partition("?")[0] for one in web.paths} - {"/favicon.ico"}


@pytest.mark.browser
async def test_addresses_that_match_a_pattern_are_not_asked_for(pool: UnifiedBrowserPool, web: Web) -> None:
    async with pool.lease() as lease:
        everything = await asked_for(lease, web, "/shown", "loaded")
        assert everything >= {"/image.png", "/ads/image.png", "/script.js", "/ads/script.js"}
        await lease.block(["*/ads/*", "*.png"])
        assert await asked_for(lease, web, "/shown", "loaded") == everything - {
            "/image.png", "/ads/image.png", "/ads/script.js",
        }  # fmt: skip
        assert await lease.evaluate("() => window.ads === undefined")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("kind", "paths"),
    (
        ("image", {"/image.png", "/ads/image.png"}),
        ("stylesheet", {"/style.css"}),
        ("media", {"/film.mp4"}),
        ("font", {"/font.woff2"}),
        ("script", {"/script.js", "/ads/script.js"}),
        ("xhr", {"/data", "/xhr"}),
        ("fetch", {"/data", "/xhr"}),
    ),
)
async def test_things_of_a_kind_are_not_asked_for(
    pool: UnifiedBrowserPool, web: Web, kind: str, paths: set[str]
) -> None:
    async with pool.lease() as lease:
        everything = await asked_for(lease, web, "/shown", "loaded")
        assert everything >= paths
        await lease.block(kinds=[kind])
        kept = await asked_for(lease, web, "/shown", "loaded")
        along = {"/font.woff2"} if kind == "stylesheet" else set()
        assert kept == everything - paths - along


@pytest.mark.browser
@pytest.mark.parametrize("path", rest_slow(WHERE, fast=2))
async def test_patterns_hold_in_frames_of_other_processes_and_in_workers(
    pool: UnifiedBrowserPool, web: Web, path: str
) -> None:
    async with pool.lease() as lease:
        everything = await asked_for(lease, web, path, "told")
        assert everything >= {"/data", "/ads/data", "/ads/image.png"}
        await lease.block(["*/ads/*"])
        kept = await asked_for(lease, web, path, "told")
        assert kept == {one for one in everything if not one.startswith("/ads/")}
        await lease.block()
        assert await asked_for(lease, web, path, "told") == everything


@pytest.mark.browser
@pytest.mark.parametrize("path", rest_slow(WHERE, fast=2))
async def test_kinds_hold_in_frames_of_other_processes_and_in_workers(
    pool: UnifiedBrowserPool, web: Web, path: str
) -> None:
    async with pool.lease() as lease:
        everything = await asked_for(lease, web, path, "told")
        assert everything >= {"/data", "/ads/data", "/ads/image.png"}
        await lease.block(kinds=["fetch", "image"])
        kept = await asked_for(lease, web, path, "told")
        assert kept == everything - {"/data", "/ads/data", "/ads/image.png", "/image.png"}


@pytest.mark.browser
async def test_the_frames_of_these_tests_are_in_processes_of_their_own(pool: UnifiedBrowserPool, web: Web) -> None:
    async with pool.lease() as lease:
        await asked_for(lease, web, "/framed", "told")
        assert await frames_apart(pool) == [f"{web.other_url}/frame"]
        await asked_for(lease, web, "/deep", "told")
        assert sorted(await frames_apart(pool)) == [f"{web.url}/works_too", f"{web.other_url}/middle"]


@pytest.mark.browser
async def test_what_is_blocked_while_a_frame_is_there_holds_in_it_from_then_on(
    pool: UnifiedBrowserPool, web: Web
) -> None:
    web.pages["/frame"] = (
        "<!doctype html><script>addEventListener('message', async event => {"
        " await fetch(event.data).catch(() => 0); parent.postMessage('done', '*'); });"
        " parent.postMessage('ready', '*')</script>"
    )
    ask = """(path) => new Promise((done) => {
      addEventListener('message', () => done(true), {once: true});
      frames[0].postMessage(path, '*');
    })"""
    async with pool.lease() as lease:
        await asked_for(lease, web, "/framed", "told")
        for path in ("/ads/one", "/one"):
            await lease.evaluate(ask, path)
        await lease.block(["*/ads/*"])
        for path in ("/ads/two", "/two"):
            await lease.evaluate(ask, path)
        await lease.block(kinds=["fetch"])
        for path in ("/ads/three", "/three"):
            await lease.evaluate(ask, path)
        await lease.block()
        for path in ("/ads/four", "/four"):
            await lease.evaluate(ask, path)
    assert web.paths[2:] == ["/ads/one", "/one", "/two", "/ads/four", "/four"]


@pytest.mark.browser
async def test_a_kind_that_is_none_is_refused_and_those_there_are_are_named(pool: UnifiedBrowserPool) -> None:
    async with pool.lease() as lease:
        with pytest.raises(ValueError, match="pictures can't be blocked; what can be: stylesheet, image"):
            await lease.block(kinds=["image", "pictures"])


def test_every_kind_can_be_named_and_order_makes_no_difference() -> None:
    assert Blocking.of((), KINDS).kinds == frozenset(KINDS)
    assert Blocking.of(["*/ads/*"], ["font", "image"]) == Blocking.of(["*/ads/*"], ["image", "font", "image"])
    assert Blocking.of((), ()) == Blocking()


PATTERNS = (
    "*/ads/*",
    "/ads/",
    "ads",
    "*.png",
    "a*b*c",
    "*q?x=1*",
    "*q?x=1",
    "*/a\\b*",
    "http://127.0.0.1*/ads/*",
    "*",
)
ADDRESSES = ("/ads/1", "/roads/", "/a.png?big", "/a/b/c", "/c/b/a", "/q?x=1", "/qzx=1", "/a?b", "/ADS/")


@pytest.mark.browser
async def test_a_pattern_means_the_same_to_chromium_and_to_us(pool: UnifiedBrowserPool, web: Web) -> None:
    refused = "(urls) => Promise.all(urls.map(url => fetch(url).then(() => false, () => true)))"
    async with pool.lease() as lease:
        await lease.open(f"{web.url}/ads/", timeout_seconds=20)
        for pattern in PATTERNS:
            await lease.block([pattern])
            found = await lease.evaluate(refused, list(ADDRESSES))
            ours = Blocking.of([pattern], ())
            assert found == [ours.refuses(web.url + address, "XHR") for address in ADDRESSES], pattern


def test_an_address_or_a_kind_is_enough_to_be_refused() -> None:
    blocking = Blocking.of(["*/ads/*"], ["image"])
    asked = (("https://a.test/ads/1", "Script"), ("https://a.test/1", "Image"), ("https://a.test/1", "Script"))
    assert [blocking.refuses(url, kind) for url, kind in asked] == [True, True, False]
    assert not Blocking().refuses("https://a.test/ads/1", "Image")
