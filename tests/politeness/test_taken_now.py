"""A reading is taken now: what a context has read before, and may keep, is asked of the server anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from browser_pool import PoolSettings, UnifiedBrowserPool
from scraper.addresses import AddressPolicy
from scraper.definitions import load_definition
from scraper.visit import Visitor, VisitSettings
from tests.browser_pool.web import SCRIPT, Web, serving
from tests.needs import rest_slow

WHARF = """
name = "wharf"
title = "Wharf"
hosts = ["127.0.0.1"]
schemes = ["http"]
post_id = '/p/([a-z]+)'
permalink = "/p/{id}"
language = "en"
[politeness]
requests_per_second = 100
[feed]
next = "a[rel=next]"
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
required = ["id", "likes"]
[layouts.items.fields]
id = [{ attribute = "id" }]
likes = [{ css = "b" }]
"""


def post(name: str, likes: object) -> str:
    return f"<!doctype html><html lang=en><script src=/script.js></script><article id={name}><b>{likes}</b></article>"


FETCHES = post("fetched", "") + (
    "<script>fetch('/data').then(answer => answer.text()).then(likes => {"
    " document.querySelector('b').textContent = likes })</script>"
)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """A site whose numbers grow by one with each request, and may be kept for ten minutes."""
    async with serving(Web()) as web:
        web.pages = {
            "/p/document": lambda times: post("document", 100 + times),
            "/p/fetched": FETCHES,
            "/data": lambda times: str(100 + times),
            "/feed": lambda times: post("first", 100 + times) + "<a rel=next href=/more>more</a>",
            "/more": lambda times: post("second", 200 + times),
            "/script.js": (SCRIPT, ""),
        }
        web.headers = {path: {"Cache-Control": "public, max-age=600"} for path in web.pages}
        yield web


@pytest.fixture(scope="module", params=rest_slow((False, True)), ids=("bare", "playwright"))
async def warm(chromium: Path, request: pytest.FixtureRequest) -> AsyncIterator[UnifiedBrowserPool]:
    settings = PoolSettings(chromium=chromium, max_contexts=1, needs_page=bool(request.param))
    async with UnifiedBrowserPool(settings) as pool:
        yield pool


@pytest.mark.browser
@pytest.mark.parametrize("path", ("/p/document", "/p/fetched"))
async def test_a_page_read_three_times_by_a_warm_context_gives_the_number_of_each_time(
    warm: UnifiedBrowserPool, web: Web, path: str
) -> None:
    visitor, wharf = Visitor(AddressPolicy(allow_private=True), VisitSettings()), load_definition("w.toml", WHARF)
    likes = []
    for _ in range(3):
        async with warm.lease(site=f"wharf{path}") as lease:
            [found] = (await visitor.read(lease, web.url + path, wharf)).posts
            likes.append(found.likes)
    assert likes == [101, 102, 103]
    assert web.paths.count("/script.js") == 1


@pytest.mark.browser
async def test_each_page_of_a_feed_gives_the_number_of_each_time(warm: UnifiedBrowserPool, web: Web) -> None:
    visitor, wharf = Visitor(AddressPolicy(allow_private=True), VisitSettings()), load_definition("w.toml", WHARF)
    likes = []
    for _ in range(3):
        async with warm.lease(site="wharf") as lease:
            report = await visitor.harvest(lease, f"{web.url}/feed", wharf, limit=10)
            likes.append([found.likes for found in report.posts])
    assert likes == [[101, 201], [102, 202], [103, 203]]
    assert web.paths.count("/script.js") == 1
