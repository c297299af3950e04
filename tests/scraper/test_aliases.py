"""A post that goes by several addresses of its site is one post, where the page has one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from scraper.definition import are_aliases
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport

ReadHtml = Callable[..., Awaitable[PageReport]]


def record(url: str, likes: int) -> dict[str, object]:
    counted = {"interactionType": "https://schema.org/LikeAction", "userInteractionCount": likes}
    return {"@type": "SocialMediaPosting", "url": url, "interactionStatistic": [counted]}


def page(canonical: str, *records: dict[str, object], base: str = "") -> bytes:
    return (
        f"<!doctype html><html lang=en><head>{base}<title>A note</title><link rel=canonical href='{canonical}'>"
        f'<script type="application/ld+json">{json.dumps(records)}</script></head><body><p>A note.</p></body></html>'
    ).encode()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("asked", "canonical", "own", "base"),
    (
        ("/@ada/note/c-1001", "/@ada/note/c-1001", "https://notes.example/note/c-1001", ""),
        ("/note/c-1001", "/@ada/note/c-1001", "https://notes.example/note/c-1001", ""),
        ("/note/c-1", "/@ada/note/c-1", "https://notes.example/@ada/note/c-1", ""),
        ("/note/c-1", "/@ada/note/c-1", "/note/c-1", ""),
        ("/@ada/note/c-1", "/@ada/note/c-1", "c-1", "<base href='https://notes.example/note/'>"),
        ("/p/the-tide-is-low", "/archive/the-tide-is-low", "https://ada.notes.example/p/the-tide-is-low", ""),
    ),
)
async def test_the_addresses_of_the_one_post_of_a_page_are_of_one_post(  # noqa: PLR0917 a row of a table
    read_html: ReadHtml, definitions: Definitions, asked: str, canonical: str, own: str, base: str
) -> None:
    html = page(f"https://notes.example{canonical}", record(own, 160), base=base)
    report = await read_html(definitions.by_name("generic"), html, f"https://notes.example{asked}")
    assert (report.outcome, [post.id for post in report.posts]) == (Outcome.OK, [f"notes.example{asked}"])
    assert report.post is not None
    assert report.post.likes == 160


@pytest.mark.browser
async def test_on_a_page_of_several_posts_each_address_is_of_a_post_of_its_own(
    read_html: ReadHtml, definitions: Definitions
) -> None:
    records = [record(f"https://notes.example/note/c-100{n}", 160 + n) for n in range(3)]
    html = page("https://notes.example/@ada/note/c-1001", *records)
    report = await read_html(definitions.by_name("generic"), html, "https://notes.example/@ada/note/c-1001")
    assert report.post is None
    assert report.outcome is Outcome.SELECTOR_DRIFT


@pytest.mark.browser
async def test_a_page_of_another_post_is_not_taken_for_the_one_that_was_asked_for(
    read_html: ReadHtml, definitions: Definitions
) -> None:
    for other in ("/note/c-1002", "/@bob/note/c-1001", "/"):
        html = page(f"https://notes.example{other}", record(f"https://notes.example{other}", 68_000))
        report = await read_html(definitions.by_name("generic"), html, "https://notes.example/@ada/note/c-1001")
        assert (report.post, report.outcome) == (None, Outcome.SELECTOR_DRIFT), other


@pytest.mark.parametrize(
    ("one", "other", "are"),
    (
        ("a.example/@ada/note/c-1", "a.example/note/c-1", True),
        ("a.example/p/1234567", "a.example/posts/1234567", True),
        ("a.example/x/what-the-tide-brought", "ada.a.example/what-the-tide-brought", True),
        ("a.example/@ada/c-1", "a.example/@bob/c-1", False),
        ("a.example/x/c-1", "b.example/x/c-1", False),
        ("a.example/x/c-1", "nota.example/x/c-1", False),
        ("a.example/forum/2", "a.example/blog/2", False),
        ("a.example/forum/page-2", "a.example/blog/page-2", False),
        ("a.example/forum/index2.html", "a.example/blog/index2.html", False),
        ("a.example/news/about", "a.example/shop/about", False),
        ("a.example/x/item?id=12345", "a.example/y/item?id=12346", False),
        ("a.example", "a.example", False),
    ),
)
def test_addresses_are_compared_by_a_last_part_that_hardly_two_posts_share(
    one: str, other: str, *, are: bool
) -> None:
    assert are_aliases(one, other) is are
    assert are_aliases(other, one) is are
