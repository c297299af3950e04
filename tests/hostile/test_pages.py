"""Pages that do their worst: each ends in time, with an outcome, and nothing is read that was not there."""

from __future__ import annotations

import asyncio
import gzip
import json
import os

import psutil
import pytest

from browser_pool import UnifiedBrowserPool
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.reader import MAX_CHARACTERS, MAX_ITEMS
from tests.hostile.conftest import Evil, Visit, pier
from tests.needs import rest_slow

pytestmark = pytest.mark.browser

READ = {Outcome.OK, Outcome.EMPTY}
MIB = 1 << 20
OWN_MIB = 150
"""So much our own process may grow by for one page, whatever is in it."""

GOOD = '<article data-id="7"><span class="by">ann</span><p>Hello</p><b class="likes">3</b></article>'


def html(*parts: str) -> str:
    return "<!doctype html><title>Pier</title>" + "".join(parts)


def item(number: object = 7, text: str = "Hello", more: str = "") -> str:
    return (
        f'<article data-id="{number}"><span class="by">ann</span><p>{text}</p><b class="likes">3</b>{more}</article>'
    )


async def read(evil: Evil, visit: Visit, page: str | bytes) -> PageReport:
    return await visit(await evil({"/post/7": page}) + "/post/7")


async def still_works(evil: Evil, visit: Visit) -> bool:
    """Whether the next page is read as if nothing had been."""
    report = await visit(await evil({"/post/7": html(GOOD)}) + "/post/7")
    return report.outcome is Outcome.OK and report.post is not None and report.post.likes == 3


@pytest.mark.parametrize("name", ("data-id", "title"))
async def test_an_attribute_of_megabytes_is_cut_and_said(evil: Evil, visit: Visit, name: str) -> None:
    long = "9" * (20 * MIB)
    page = item(more=f'<i class="views" title="{long}"></i>') if name == "title" else item(long)
    report = await read(evil, visit, html(page, GOOD))
    assert report.outcome is Outcome.OK
    assert report.post is not None
    assert report.post.views is None
    assert all(len(post.id) <= MAX_CHARACTERS for post in report.posts)


async def test_a_text_of_megabytes_is_cut_and_its_post_says_so(evil: Evil, visit: Visit) -> None:
    report = await read(evil, visit, html(item(text="x" * (3 * MIB))))
    assert report.post is not None
    assert len(report.post.text or "") == MAX_CHARACTERS
    assert any("longer than" in warning for warning in report.post.warnings)


async def test_of_ten_thousand_posts_so_many_are_read_and_the_rest_is_told(evil: Evil, visit: Visit) -> None:
    base = await evil({"/": html(*(item(number) for number in range(10_000)))})
    report = await visit(f"{base}/")
    assert (report.outcome, len(report.posts)) == (Outcome.OK, MAX_ITEMS)
    assert any(f"posts more than {MAX_ITEMS} left out" in warning for warning in report.warnings)


@pytest.mark.parametrize("tag", rest_slow(("div", "article", "b", "table")))
async def test_nesting_without_end_is_an_outcome(evil: Evil, visit: Visit, tag: str) -> None:
    report = await read(evil, visit, html(f"<{tag}>" * 50_000, GOOD))
    assert isinstance(report.outcome, Outcome)
    assert {post.id for post in report.posts} <= {"7"}
    assert await still_works(evil, visit)


async def test_posts_within_posts_say_nothing_of_each_other(evil: Evil, visit: Visit) -> None:
    inside = "".join(f'<article data-id="{number}"><b class="likes">{number}</b>' for number in range(1, 400))
    report = await visit(await evil({"/": html(inside)}) + "/")
    assert [post.id for post in report.posts if post.likes not in {None, int(post.id)}] == []


async def drip(writer: asyncio.StreamWriter) -> None:
    """A response that begins, and never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html><title>drip</title>")
    while True:
        writer.write(b"<p>more")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter) -> None:
    """A response that never ends, as fast as it can."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html><!--")
    while True:
        writer.write(b"x" * MIB)
        await writer.drain()


@pytest.mark.parametrize("answer", rest_slow((flood, drip, drip_headers)), ids=lambda one: one.__name__)
async def test_a_response_that_never_ends_is_over_in_time(evil: Evil, visit: Visit, answer: object) -> None:
    report = await visit(await evil({"/post/7": answer}) + "/post/7")
    assert report.outcome in {Outcome.TIMEOUT, Outcome.CRASHED}
    assert report.posts == ()
    assert await still_works(evil, visit)


def bomb(kind: str, body: bytes, *, of: int) -> bytes:
    """So many MiB of spaces after `body`, as gzip makes them: a thousandth of that."""
    packed = gzip.compress(body + b" " * (of * MIB), 9)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    return head.encode() + packed


@pytest.mark.slow
async def test_a_page_that_is_a_bomb_is_an_outcome_and_costs_our_own_process_nothing(
    evil: Evil, visit: Visit
) -> None:
    before = psutil.Process(os.getpid()).memory_info().rss
    report = await read(evil, visit, bomb("text/html", html(GOOD).encode(), of=300))
    assert report.outcome in {*READ, Outcome.TIMEOUT, Outcome.CRASHED}
    assert psutil.Process(os.getpid()).memory_info().rss - before < OWN_MIB * MIB
    assert await still_works(evil, visit)


async def test_a_response_that_is_a_bomb_is_not_kept_and_the_page_is_read_without_it(
    evil: Evil, visit: Visit
) -> None:
    ask = "<script>fetch('/data').then((answer) => answer.text())</script>"
    before = psutil.Process(os.getpid()).memory_info().rss
    base = await evil(
        {"/post/7": html(ask, GOOD), "/data": bomb("application/json", b'{"id":"7","likes":9}', of=300)}
    )
    report = await visit(f"{base}/post/7", pier(hears=True))
    assert report.post is not None
    assert report.post.likes == 3
    assert psutil.Process(os.getpid()).memory_info().rss - before < OWN_MIB * MIB


DEEP = "[" * 200_000
JSONS = (
    DEEP,
    '{"id": "7", "likes": ' + "9" * 100_000 + "}",
    '{"id": "7", "likes": 1e400}',
    '{"id": "7", "likes": NaN}',
    '{"id": "7", "likes": {"a": [' + "1," * 1000 + "1]}}",
    '{"id": {"id": "7"}, "likes": 1}',
    '{"id": "7", "likes": -5}',
    '{"id": "7", "likes": "many"}',
    '{"id": "7", "likes": true}',
    "{" + '"likes":1,' * 100_000 + '"id":"7"}',
    '{"__proto__": {"id": "7"}, "likes": 4}',
    "\ufeff" + '{"id": "7", "likes": 4',
)


@pytest.mark.parametrize("number", range(len(JSONS)))
async def test_json_that_is_no_count_leaves_what_the_page_shows_or_nothing(
    evil: Evil, visit: Visit, number: int
) -> None:
    report = await read(evil, visit, html(f"<script type='application/json'>{JSONS[number]}</script>", GOOD))
    assert report.outcome is Outcome.OK
    assert report.post is not None
    # The page shows 3; where the JSON says something else that is a count, both are doubted.
    assert report.post.likes in {3, None}


SCHEMES = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "chrome://settings",
    "vbscript:x",
    "blob:http://127.0.0.1/x",
    "view-source:http://127.0.0.1/",
)


@pytest.mark.parametrize("url", SCHEMES)
async def test_a_link_is_an_address_of_the_web_or_none(evil: Evil, visit: Visit, url: str) -> None:
    report = await read(evil, visit, html(item(more=f'<a class="out" href="{url}">x</a>')))
    assert report.post is not None
    assert report.post.link is None


@pytest.mark.parametrize(
    "url", ("file:///etc/passwd", "chrome://version", "data:text/html,<article data-id=7>", "view-source:http://x/")
)
@pytest.mark.parametrize("how", ("script", "refresh", "redirect", "frame"))
async def test_a_page_leads_to_no_scheme_but_the_webs(evil: Evil, visit: Visit, url: str, how: str) -> None:
    pages: dict[str, str | bytes] = {
        "script": html(f"<script>location = {json.dumps(url)}</script>", GOOD),
        "refresh": html(f"<meta http-equiv=refresh content='0; url={url}'>", GOOD),
        "redirect": f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode(),
        "frame": html(f"<iframe src='{url}'></iframe>", GOOD),
    }
    report = await read(evil, visit, pages[how])
    assert report.final_url.startswith("http://127.0.0.1")
    assert "root:" not in str(report.posts)
    assert how == "redirect" or report.outcome is Outcome.OK
    assert how != "redirect" or report.outcome not in READ


LIES = {
    "json": "JSON.stringify = () => '{\"items\": []}'; JSON.parse = () => ({})",
    "query": "Document.prototype.querySelectorAll = () => { throw new Error('no') }",
    "endless": "Document.prototype.querySelector = () => { for (;;); }",
    "to_json": "Object.prototype.toJSON = () => 'x'; Array.prototype.toJSON = () => []",
    "getters": "Object.defineProperty(Object.prototype, 'values', { get() { throw 1 }, set() { throw 2 } })",
    "array": "Array.prototype[Symbol.iterator] = function* () { yield 'x' }; Array.prototype.push = () => 0",
    "promise": "window.Promise = class { constructor() { throw 1 } }; window.setTimeout = () => 0",
    "clock": "performance.now = () => NaN; Date.now = () => -1",
    "observer": "window.MutationObserver = class { constructor() { throw 1 } }",
    "regexp": "RegExp.prototype.test = () => true; RegExp.prototype.exec = () => ['1', '1']",
    "string": "String.prototype.trim = () => ''; String.prototype.slice = () => 'x'.repeat(1e8)",
    "clobber": "document.write('<form name=querySelectorAll></form><img name=documentElement><a id=location>')",
    "freeze": "Object.freeze(Object.prototype); Object.freeze(document)",
}


@pytest.mark.parametrize("lie", rest_slow(LIES, fast=4))
async def test_a_page_that_replaces_what_reads_it_is_an_outcome_and_lies_only_about_itself(
    evil: Evil, visit: Visit, lie: str
) -> None:
    report = await read(evil, visit, html(f"<script>{LIES[lie]}</script>", GOOD))
    assert isinstance(report.outcome, Outcome)
    assert {post.id for post in report.posts} <= {"7"}
    assert await still_works(evil, visit)


BUSY = {
    "alerts": "for (let i = 0; i < 20; i++) { alert('x'); confirm('y'); prompt('z') }",
    "unload": "onbeforeunload = (event) => { event.preventDefault(); return 'stay' }; onunload = () => { for (;;); }",
    "windows": "for (let i = 0; i < 200; i++) open('/post/7')",
    "history": "setInterval(() => { for (let i = 0; i < 500; i++) history.pushState(0, '', '#' + Math.random()) })",
    "grows": "setInterval(() => { for (let i = 0; i < 999; i++) document.body.append(document.createElement('i')) })",
    "workers": "for (let i = 0; i < 40; i++) new Worker(URL.createObjectURL(new Blob(['for (;;);'])))",
    "reloads": "setTimeout(() => location.reload(), 30)",
    "prints": "print(); document.documentElement.requestFullscreen().catch(() => 0); navigator.clipboard.readText()",
    "storage": "try { for (let i = 0; ; i++) localStorage[i] = 'x'.repeat(1e6) } catch {}",
    "console": "for (let i = 0; i < 20000; i++) console.log('x'.repeat(1000))",
    "debugger": "debugger",
    "downloads": "const a = document.createElement('a'); a.href = a.download = 'f'; setInterval(() => a.click())",
}


@pytest.mark.parametrize("way", rest_slow(BUSY, fast=3))
async def test_a_page_that_is_busy_with_itself_holds_nobody_up(evil: Evil, visit: Visit, way: str) -> None:
    report = await read(evil, visit, html(GOOD, f"<script>{BUSY[way]}</script>"))
    assert isinstance(report.outcome, Outcome)
    assert {post.id for post in report.posts} <= {"7"}
    assert await still_works(evil, visit)


async def test_headers_and_cookies_without_measure_are_an_outcome(evil: Evil, visit: Visit) -> None:
    cookies = "".join(f"Set-Cookie: c{number}={'x' * 3000}\r\n" for number in range(60))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{cookies}X: {'y' * 100_000}\r\nConnection: close\r\n\r\n"
    report = await read(evil, visit, (head + html(GOOD)).encode())
    assert isinstance(report.outcome, Outcome)
    assert await still_works(evil, visit)


async def test_a_title_of_megabytes_is_cut(evil: Evil, visit: Visit) -> None:
    report = await read(evil, visit, f"<!doctype html><title>{'t' * (10 * MIB)}</title>{GOOD}")
    assert report.outcome is Outcome.OK
    assert len(str(report.evidence["title"])) <= MAX_CHARACTERS


async def test_after_all_that_the_pool_has_one_context_and_nothing_waits(pool: UnifiedBrowserPool) -> None:
    now = pool.statistics()
    assert (now.leased, now.waiting) == (0, 0)
    assert now.free + now.cleaning <= 1
