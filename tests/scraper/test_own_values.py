"""What is a post's own on a page, and what is another's; and text that is hard to carry."""

from __future__ import annotations

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import load_definition
from scraper.outcome import Outcome
from scraper.page import PageReport, SavedPage, open_page

pytestmark = pytest.mark.browser

DOCK = """
name = "dock"
title = "Dock"
hosts = ["dock.example"]
post_id = '/d/(\\d+)'
permalink = "https://dock.example/d/{id}"
language = "en"
[saved]
base_url = "https://dock.example/"
[[layouts]]
name = "only"
[[layouts.items]]
name = "topic"
css = ".topic"
may_lack_counts = true
[layouts.items.fields]
id = [{ attribute = "data-id" }]
text = [{ css = ".body" }]
likes = [{ css = ".likes" }]
views = [{ pattern = '(\\d+) views' }]
[layouts.items.quoted]
css = ".quote"
[layouts.items.quoted.fields]
author = [{ css = ".who" }]
text = [{ css = ".body" }]
[[layouts.items]]
name = "reply"
css = ".reply"
may_lack_counts = true
tree = true
exclude = ".removed"
[layouts.items.fields]
id = [{ attribute = "data-id" }]
likes = [{ css = ".likes" }]
depth = [{ attribute = "data-depth" }]
thread = [{ start = "page", css = ".topic", attribute = "data-id" }]
"""


async def read(lane: Lane, body: str, definition: Definition | None = None) -> PageReport:
    saved = SavedPage(f"<!DOCTYPE html><html lang=en><body>{body}".encode())
    dock = definition or load_definition("dock.toml", DOCK)
    return await open_page(lane, "https://dock.example/", dock, timeout_seconds=20, saved=saved)


async def test_a_post_of_another_kind_inside_a_post_lends_it_nothing(lane: Lane) -> None:
    report = await read(
        lane,
        "<div class=topic data-id=1><p class=body>mine</p><i class=likes hidden></i>"
        "<div class=reply data-id=2><i class=likes>68000</i></div></div>",
    )
    assert [(post.id, post.likes) for post in report.posts] == [("1", None), ("2", 68000)]


async def test_the_text_of_an_element_is_without_what_is_quoted_in_it(lane: Lane) -> None:
    report = await read(
        lane,
        "<div class=topic data-id=1><div class=body>mine, 5 views "
        "<div class=quote><b class=who>eve</b><p class=body>theirs, 999 views</p></div></div></div>",
    )
    [post] = report.posts
    assert (post.text, post.views) == ("mine, 5 views", 5)
    assert post.quoted is not None
    assert (post.quoted.author, post.quoted.text) == ("eve", "theirs, 999 views")


async def test_nor_does_a_quote_before_its_own_numbers_lend_them(lane: Lane) -> None:
    report = await read(
        lane, "<div class=topic data-id=1><div class=quote>999 views</div><p class=body>5 views</p></div>"
    )
    assert report.posts[0].views == 5


async def test_what_is_left_out_of_a_thread_is_a_gap_in_it(lane: Lane) -> None:
    replies = "".join(
        f"<div class='reply {more}' data-id={number} data-depth={depth}></div>"
        for number, depth, more in (
            (10, 0, ""),
            (11, 1, ""),
            (12, 1, "removed"),
            (13, 2, ""),
            (14, 0, ""),
            (15, 1, ""),
        )
    )
    report = await read(lane, f"<div class=topic data-id=1></div>{replies}")
    assert [(post.id, post.parent) for post in report.posts] == [
        ("1", None),
        ("10", "1"),
        ("11", "10"),
        ("13", None),
        ("14", "1"),
        ("15", "14"),
    ]


async def test_half_a_character_and_a_nul_spoil_no_page(lane: Lane) -> None:
    definition = load_definition("dock.toml", DOCK)
    saved = definition.saved.model_copy(update={"javascript": True})
    report = await read(
        lane,
        "<div class=topic data-id=1><p class=body></p></div>"
        "<script>document.querySelector('.body').textContent = 'a\\ud83d\\0b'; document.title = '\\udc00'</script>",
        definition.model_copy(update={"saved": saved}),
    )
    assert report.outcome is Outcome.OK
    assert report.posts[0].text == "a\ufffdb"


async def test_a_text_that_is_cut_says_so(lane: Lane) -> None:
    report = await read(lane, f"<div class=topic data-id=1><p class=body>{'x' * 25_000}</p></div>")
    assert report.posts[0].text == "x" * 20_000
    assert report.posts[0].warnings == (
        "text: longer than 20000 characters, and cut",
        "views: longer than 2000 characters, and not searched",
    )
