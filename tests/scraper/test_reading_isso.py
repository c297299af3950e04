"""Isso: comments that a script draws below a page of any host, from a page of our own that draws them so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.feed import Stop, collect
from scraper.outcome import Outcome
from scraper.page import PageReport, open_page
from scraper.post import Post

pytestmark = pytest.mark.browser

ReadFile = Callable[..., Awaitable[PageReport]]
Serve = Callable[[dict[str, str]], Awaitable[str]]
PAGES = Path(__file__).parent / "pages" / "isso"

Said = dict[str, tuple[str | None, int | None, int | None, str | None]]
"""By id: author, score, depth, parent."""

ROOTS, ANSWERS = 12, 3


@pytest.fixture
async def address(serve: Serve) -> str:
    """The address of the page whose script draws comments."""
    widget = (PAGES / "widget.html").read_text("utf-8")
    return await serve({"/": widget, "/?without-votes": widget})


@pytest.fixture
def isso(definitions: Definitions) -> Definition:
    return definitions.by_name("isso")


def said(posts: Iterable[Post]) -> Said:
    return {post.id: (post.author, post.score, post.depth, post.parent) for post in posts}


def drawn() -> Said:
    roots: Said = {str(n): (f"author {n}", n % 7 - 3, 0, None) for n in range(1, ROOTS + 1)}
    answers: Said = {
        str(n * 100 + k): (f"author {n * 100 + k}", (n * 100 + k) % 7 - 3, 1, str(n))
        for n in range(1, ROOTS + 1)
        for k in range(ANSWERS)
    }
    return roots | answers


async def test_all_comments_are_collected_with_the_hidden_ones_and_their_answers(
    lane: Lane, isso: Definition, address: str
) -> None:
    report = await collect(lane, f"{address}/", isso, limit=1000, timeout_seconds=60, idle_seconds=1)
    assert (report.stopped_by, said(report.posts)) == (Stop.END_OF_FEED, drawn())
    first = next(post for post in report.posts if post.id == "1")
    assert (first.text, first.url, first.link) == ("Comment 1 of 99", f"{address}/#isso-1", None)
    assert first.time == datetime(2026, 1, 2, 3, 4, 1, tzinfo=UTC)


async def test_a_comment_is_found_by_its_own_address_and_not_by_that_of_one_that_is_hidden(
    lane: Lane, isso: Definition, address: str
) -> None:
    report = await open_page(lane, f"{address}/#isso-201", isso, timeout_seconds=20)
    assert report.outcome is Outcome.OK, report.reason
    assert report.post is not None
    assert (report.post.score, report.post.parent) == (201 % 7 - 3, "2")
    hidden = await open_page(lane, f"{address}/#isso-12", isso, timeout_seconds=20)
    assert (hidden.outcome, hidden.posts) == (Outcome.SELECTOR_DRIFT, ())


async def test_where_nobody_can_vote_comments_have_no_votes(lane: Lane, isso: Definition, address: str) -> None:
    report = await open_page(lane, f"{address}/?without-votes", isso, timeout_seconds=20)
    assert report.outcome is Outcome.OK, report.reason
    assert {post.score for post in report.posts} == {None}
    assert report.warnings == ()


async def test_until_2022_only_the_outermost_names_were_its_own(read_file: ReadFile) -> None:
    first, answer = (await read_file("isso/saved-of-2020.html")).posts
    assert said([first, answer]) == {"7": ("Ada", -2, 0, None), "9": ("Bo", 3, 1, "7")}
    assert (first.text, answer.text) == ("Flut um 6.", "Um 7.")
    assert first.time == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("page", "outcome"), (("no-comments", Outcome.EMPTY), ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT))
)
async def test_a_page_without_a_readable_comment_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"isso/{page}.html")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason
