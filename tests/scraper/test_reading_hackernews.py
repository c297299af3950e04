"""Hacker News: what is read from pages of our own in the shape of its years."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport

pytestmark = pytest.mark.browser

ReadFile = Callable[..., Awaitable[PageReport]]
ReadHtml = Callable[[Definition, bytes], Awaitable[PageReport]]
PAGES = Path(__file__).parent / "pages" / "hackernews"

HN = "https://news.ycombinator.com"


async def test_an_item_page_of_2016_gives_the_question_and_its_thread(read_file: ReadFile) -> None:
    report = await read_file("hackernews/item-2016.html", url=f"{HN}/item?id=11000001")
    assert report.outcome is Outcome.OK
    story, *comments = report.posts
    assert (story.title, story.author, story.score, story.replies) == (
        "Ask HN: Best tide clock?",
        "moonpull",
        1,
        4,
    )
    assert story.text == "I have 3 clocks.None works, & 12 points to you."
    assert story.link == story.url == f"{HN}/item?id=11000001"
    assert (story.time, story.rank) == (None, None)
    assert [(one.id, one.depth, one.parent) for one in comments] == [
        ("11000002", 0, "11000001"),
        ("11000003", 1, "11000002"),
        ("11000004", 2, "11000003"),
        ("11000005", 0, "11000001"),
    ]
    assert [one.text for one in comments] == ["Use the moon.", "It is free.", None, "Dead words"]
    assert [one.author for one in comments] == ["ebb", "flow", None, "slack"]
    assert [one.score for one in comments] == [7, None, None, None]
    assert {one.replies for one in comments} == {None}


async def test_rows_of_a_list_never_borrow_from_the_row_below(read_file: ReadFile) -> None:
    report = await read_file("hackernews/newest-logged-in.html")
    fresh, job, flagged, bare, last = report.posts
    assert (fresh.rank, fresh.score, fresh.replies, fresh.author) == (31, 1, 0, "lune")
    assert fresh.time == datetime(2024, 4, 10, 9, 8, 7, tzinfo=UTC)
    assert fresh.title == "Neap & spring"
    assert (job.author, job.score, job.replies) == (None, None, None)
    assert job.link == "https://www.ycombinator.com/companies/pier/jobs/1"
    assert (flagged.title, flagged.score, flagged.replies) == ("Show HN: 99 comments", 1024, 1)
    assert (bare.title, bare.author, bare.score, bare.replies, bare.time) == (
        "Row whose subtext is missing",
        None,
        None,
        None,
        None,
    )
    assert (last.score, last.replies) == (55, 5)
    assert report.next_url == "https://news.ycombinator.com/newest?next=40000005&n=61"


async def test_the_options_of_a_poll_are_no_posts(read_file: ReadFile) -> None:
    report = await read_file("hackernews/poll.html", url=f"{HN}/item?id=20000001")
    assert [(one.id, one.score) for one in report.posts] == [("20000001", 40), ("20000004", None)]
    assert report.posts[0].text == "Pick one."
    assert report.posts[1].parent == "20000001"


async def test_the_link_to_the_next_page_of_comments_is_no_parent(read_file: ReadFile) -> None:
    report = await read_file("hackernews/long-thread.html", url=f"{HN}/item?id=30000001")
    assert [(one.id, one.parent) for one in report.posts] == [
        ("30000001", None),
        ("30000002", "30000001"),
        ("30000003", "30000002"),
    ]


async def test_before_2014_no_row_had_a_name_and_no_comment_borrows_a_parent_from_above_a_deleted_one(
    read_file: ReadFile,
) -> None:
    (old,) = (await read_file("hackernews/front-2010.html")).posts
    assert (old.id, old.rank, old.score, old.replies, old.author) == ("1500001", 1, 50, 20, "kelp")
    assert (old.title, old.link, old.time) == ("Old tides", "http://tides.example/", None)
    report = await read_file("hackernews/item-2012.html", url=f"{HN}/item?id=4100001")
    story, *comments = report.posts
    assert (story.title, story.text, story.score, story.replies) == (
        "Ask HN: Sea or lake?",
        "Salt, I think.Or not.",
        1,
        0,
    )
    assert [(one.id, one.author, one.text, one.depth, one.parent, one.score) for one in comments] == [
        ("4100002", "brine", "Sea.Always https://sea.example", 0, "4100001", None),
        ("4100003", "tarn", "Lake.", 1, "4100002", 3),
        ("4100005", "delta", "Both", 1, None, None),
    ]
    assert report.warnings == ("1 posts left out: comment without id",)


async def test_rows_that_had_no_ids_yet_are_known_by_their_links(read_file: ReadFile) -> None:
    story, job, comment = (await read_file("hackernews/rows-without-ids-2015.html")).posts
    assert (story.id, story.author, story.score, story.replies) == ("9100001", "polder", 10, 3)
    assert (job.id, job.author, job.score, job.replies) == ("9100002", None, None, None)
    assert (comment.id, comment.author, comment.parent) == ("9100003", "weir", "9100000")
    assert comment.text == "FirstSecond"


async def test_links_that_a_browser_or_an_archive_has_rewritten_lead_to_the_same_posts(
    definitions: Definitions, read_html: ReadHtml
) -> None:
    definition = definitions.by_name("hackernews")
    thread = (PAGES / "long-thread.html").read_text("utf-8")
    assert 'href="#30000002"' in thread
    saved = thread.replace('href="#', f'href="{HN}/item?id=30000001#').replace('href="item?', f'href="{HN}/item?')
    report = await read_html(definition, saved.encode())
    assert [(one.id, one.parent) for one in report.posts][-1] == ("30000003", "30000002")
    front = (PAGES / "newest-logged-in.html").read_text("utf-8").replace("Neap &amp; spring", "Neap &amp;\n spring")
    for prefix in ("/web/20240411000000/", "https://web.archive.org/web/20240411000000/"):
        archived = front.replace('href="https://', f'href="{prefix}https://')
        first = (await read_html(definition, archived.encode())).posts[0]
        assert (first.title, first.link) == ("Neap & spring", "https://tides.example/a")


async def test_in_a_list_of_comments_the_parent_is_the_one_the_page_links_to(read_file: ReadFile) -> None:
    own, answer = (await read_file("hackernews/threads.html")).posts
    assert (own.parent, own.score, own.text) == ("41000001", -2, "Not at my shore.")
    assert (answer.parent, answer.depth) == ("41000010", 1)


@pytest.mark.parametrize(
    ("page", "outcome"),
    (
        ("no-such-item", Outcome.NOT_FOUND),
        ("too-quickly", Outcome.RATE_LIMITED),
        ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT),
    ),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"hackernews/{page}.html")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason
