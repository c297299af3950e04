"""Links start where the page says they do: from its `<base>`, if it has one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import Definitions, load_definition
from scraper.feed import collect
from scraper.page import PageReport, open_page

ReadHtml = Callable[..., Awaitable[PageReport]]
Serve = Callable[[dict[str, str]], Awaitable[str]]

WHARF = r"""
name = "wharf"
title = "Wharf"
hosts = ["127.0.0.1", "wharf.example"]
schemes = ["http"]
post_id = '/posts/(\d+)'
permalink = "/posts/{id}"
language = "en"
[feed]
next = "a.next"
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
required = ["id"]
[layouts.items.fields]
id = [{ css = "a.own", attribute = "href", pattern = '/posts/(\d+)' }]
link = [{ css = "a.out", attribute = "href" }]
"""


def wharf() -> Definition:
    return load_definition("wharf.toml", WHARF)


def post(own: str, out: str = "") -> str:
    return f"<article><a class=own href='{own}'>own</a><a class=out href='{out}'>out</a></article>"


def page(base: str, body: str) -> str:
    return f"<!doctype html><html lang=en><base href='{base}'>{body}</html>"


@pytest.mark.browser
async def test_the_next_page_of_a_feed_and_its_links_start_from_the_base(lane: Lane, serve: Serve) -> None:
    site = await serve(
        {
            "/list": page("/deep/er/", post("/posts/1", "far.html") + "<a class=next href=page2>more</a>"),
            "/deep/er/page2": page("/deep/er/", post("/posts/2")),
            "/page2": page("/", post("/posts/99")),
        }
    )
    report = await collect(lane, f"{site}/list", wharf(), limit=10, timeout_seconds=20)
    assert [one.id for one in report.posts] == ["1", "2"]
    assert report.posts[0].link == f"{site}/deep/er/far.html"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("base", "own", "post_id"),
    (
        ("/posts/", "12", "12"),
        ("http://wharf.example/posts/", "12/#comments", "12"),
        ("/elsewhere/", "/posts/12", "12"),
        ("posts/", "./12", "12"),
    ),
)
async def test_an_id_is_found_in_an_address_that_is_whole_only_with_the_base(
    read_html: ReadHtml, base: str, own: str, post_id: str
) -> None:
    report = await read_html(wharf(), page(base, post(own)).encode(), "http://wharf.example/list")
    assert [one.id for one in report.posts] == [post_id], report.reason


@pytest.mark.browser
@pytest.mark.parametrize("own", ("#top", "?sort=new", ""))
async def test_a_link_within_the_page_takes_no_id_from_the_base(read_html: ReadHtml, own: str) -> None:
    report = await read_html(wharf(), page("/posts/77/", post(own)).encode(), "http://wharf.example/list")
    assert report.posts == ()


@pytest.mark.browser
async def test_what_a_page_without_a_definition_calls_its_own_address_starts_from_the_base(
    read_html: ReadHtml, definitions: Definitions
) -> None:
    html = (
        "<!doctype html><html lang=en><base href='http://blog.example/notes/'><link rel=canonical href='a-tide'>"
        '<title>A tide</title><script type="application/ld+json">{"@type": "Article", "interactionStatistic":'
        ' {"interactionType": "LikeAction", "userInteractionCount": 5}, "url": "http://blog.example/notes/a-tide"}'
        "</script>"
    )
    report = await read_html(definitions.by_name("generic"), html.encode(), "http://blog.example/notes/a-tide")
    assert [one.id for one in report.posts] == ["blog.example/notes/a-tide"], report.reason
    assert "canonical" in report.posts[0].sources["id"]


@pytest.mark.browser
async def test_where_the_base_is_no_address_links_lead_nowhere_as_in_the_browser(lane: Lane, serve: Serve) -> None:
    site = await serve(
        {"/list": page("http://[oops", post("/posts/1", "far.html") + "<a class=next href='http://[no'>more</a>")}
    )
    report = await open_page(lane, f"{site}/list", wharf(), timeout_seconds=20)
    assert (report.posts[0].link, report.next_url) == (None, None)
