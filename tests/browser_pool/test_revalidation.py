"""What numbers come in is asked of its server anew, however long it may be kept; what makes a page fast is not."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from browser_pool import Lease, UnifiedBrowserPool
from tests.browser_pool.web import SCRIPT, Web, serving
from tests.needs import rest_slow

MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

KEPT = {"Cache-Control": "public, max-age=600"}
OLD = {"Cache-Control": "public", "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
"""Chromium keeps it for a tenth of its age."""

DONE = """() => new Promise(done => {
  const look = () => window.ended ? window.ended.then(() => done(true)) : setTimeout(look, 10);
  look();
})"""
XHR = """new Promise(done => {
  const ask = new XMLHttpRequest(); ask.open('GET', '/data'); ask.onload = done; ask.send();
})"""
WORKER = "new Promise(done => { new Worker('/worker.js').onmessage = done })"


def ends(when: str, before: str = "") -> str:
    """A page that has done what it does when `when`, a promise, has come true."""
    return f"<!doctype html><body>{before}<script>window.ended = {when}</script>"


def framed(url: str) -> str:
    """A page with a frame, which says that it is done."""
    return ends("new Promise(done => addEventListener('message', done))", f"<iframe src='{url}'></iframe>")


@pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """A server all of whose answers may be kept for ten minutes."""
    async with serving(Web()) as web:
        web.moved = {"/moved": "/page", "/moved-data": "/data", "/moved-frame": "/frame"}
        web.pages = {
            "/page": ends("Promise.resolve()"),
            "/fetch": ends("fetch('/data')"),
            "/forced": ends("fetch('/data', {cache: 'force-cache'})"),
            "/elsewhere": ends(f"fetch('{web.other_url}/data')"),
            "/on": ends("fetch('/moved-data')"),
            "/xhr": ends(XHR),
            "/preloaded": ends("fetch('/data')", "<link rel=preload as=fetch crossorigin href=/data>"),
            "/works": ends(WORKER),
            "/framed": framed("/frame"),
            "/framed-elsewhere": framed(f"{web.other_url}/frame"),
            "/framed-on": framed("/moved-frame"),
            "/looks": ends(
                "new Promise(done => addEventListener('load', done))",
                "<link rel=stylesheet href=/style.css><script src=/script.js></script><img src=/image.png>",
            ),
            "/frame": "<!doctype html><script>fetch('/data').then(() => parent.postMessage('done', '*'))</script>",
            "/data": ("application/json", "{}"),
            "/worker.js": (SCRIPT, "fetch('/data').then(() => postMessage('done'))"),
            "/script.js": (SCRIPT, ""),
            "/style.css": ("text/css", "@font-face { font-family: f; src: url(/font.woff2); } body { font: 1em f; }"),
            "/font.woff2": ("font/woff2", ""),
            "/image.png": ("image/png", ""),
        }
        web.headers = dict.fromkeys((*web.pages, *web.moved), KEPT)
        yield web


@pytest.fixture
async def pool(make_pool: MakePool, chromium: Path, scratch: Path) -> AsyncIterator[UnifiedBrowserPool]:
    """Its Chromium has each site in a process of its own."""
    each_apart = scratch / "chromium"
    each_apart.write_text(f'#!/bin/sh\nexec {shlex.quote(str(chromium))} --site-per-process "$@"\n')
    each_apart.chmod(0o755)
    async with make_pool(chromium=each_apart, max_contexts=1) as pool:
        yield pool


async def asked_for(lease: Lease, web: Web, path: str) -> dict[str, int]:
    """How often each address is asked for while the page at `path` is opened three times."""
    web.asked.clear()
    for _ in range(3):
        await lease.open(web.url + path, timeout_seconds=20)
        await lease.evaluate(DONE)
    return dict(Counter(web.paths))


ASKED = {
    "/page": {"/page"},
    "/moved": {"/moved", "/page"},
    "/fetch": {"/fetch", "/data"},
    "/forced": {"/forced", "/data"},
    "/elsewhere": {"/elsewhere", "/data"},
    "/on": {"/on", "/moved-data", "/data"},
    "/xhr": {"/xhr", "/data"},
    "/preloaded": {"/preloaded", "/data"},
    "/works": {"/works", "/worker.js", "/data"},
    "/framed": {"/framed", "/frame", "/data"},
    "/framed-elsewhere": {"/framed-elsewhere", "/frame", "/data"},
    "/framed-on": {"/framed-on", "/moved-frame", "/frame", "/data"},
}
"""By page, what is asked for."""


@pytest.mark.browser
@pytest.mark.parametrize("headers", rest_slow((KEPT, OLD)), ids=("max-age", "guessed"))
async def test_documents_frames_and_fetches_are_asked_for_each_time(
    pool: UnifiedBrowserPool, web: Web, headers: dict[str, str]
) -> None:
    web.headers = {path: {**headers, "Access-Control-Allow-Origin": "*"} for path in web.headers}
    async with pool.lease() as lease:
        await lease.revalidate(enabled=True)
        found = {path: await asked_for(lease, web, path) for path in ASKED}
    assert found == {path: dict.fromkeys(asked, 3) for path, asked in ASKED.items()}


@pytest.mark.browser
async def test_scripts_styles_fonts_and_images_are_asked_for_once(pool: UnifiedBrowserPool, web: Web) -> None:
    async with pool.lease() as lease:
        await lease.revalidate(enabled=True)
        assert await asked_for(lease, web, "/looks") == {
            "/looks": 3, "/style.css": 1, "/font.woff2": 1, "/script.js": 1, "/image.png": 1,
        }  # fmt: skip


@pytest.mark.browser
async def test_a_request_is_the_same_as_without_but_for_its_cache_control(pool: UnifiedBrowserPool, web: Web) -> None:
    web.pages["/fetch"] = ends("fetch('/data', {headers: {'X-Own': 'yes'}})")
    web.headers = {"/fetch": {"Set-Cookie": "session=1"}}
    told = []
    async with pool.lease() as lease:
        for enabled in (False, True):
            await lease.revalidate(enabled=enabled)
            await asked_for(lease, web, "/fetch")
            told.append([dict(web.headers_of(path)) for path in ("/fetch", "/data")])
    assert [one.pop("cache-control", None) for one in told[1]] == ["max-age=0", "no-cache"]
    assert [one.pop("pragma", None) for one in told[1]] == [None, None]
    assert told[0] == told[1]
    assert [one["cookie"] for one in told[1]] == ["session=1", "session=1"]


@pytest.mark.browser
async def test_whoever_has_the_context_next_has_the_cache_again(pool: UnifiedBrowserPool, web: Web) -> None:
    async with pool.lease(site="pier") as lease:
        await lease.revalidate(enabled=True)
        await asked_for(lease, web, "/fetch")
    async with pool.lease(site="pier") as lease:
        assert await asked_for(lease, web, "/fetch") == {}
