"""Discourse: what is read from pages of our own in the shape of the client's and the crawler's view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport

ReadFile = Callable[..., Awaitable[PageReport]]

FORUM = "https://forum.example"


@pytest.mark.browser
async def test_answers_that_are_shown_inside_a_post_leave_it_alone(read_file: ReadFile) -> None:
    report = await read_file("discourse/topic-client.html", url=f"{FORUM}/t/gezeiten-am-pier/4711")
    assert report.outcome is Outcome.OK
    topic, answer = report.posts
    assert (topic.id, topic.url, topic.title) == ("4711", f"{FORUM}/t/4711", "Gezeiten am Pier")
    assert (topic.author, topic.author_name, topic.text) == ("ebbe", "Ebbe von der Pier", "Wann ist Flut?")
    assert (topic.likes, topic.replies, topic.views) == (8, 2, 1234)
    assert topic.time == datetime(2024, 2, 6, 4, 55, 19, tzinfo=UTC)
    assert (answer.id, answer.url, answer.author) == ("4711/2", f"{FORUM}/t/4711/2", "flut")
    assert (answer.likes, answer.replies, answer.title) == (None, None, None)
    assert answer.time == datetime(2024, 2, 6, 5, 56, 40, tzinfo=UTC)


@pytest.mark.browser
async def test_the_list_of_topics_names_who_began_each(read_file: ReadFile) -> None:
    report = await read_file("discourse/latest-client.html", url=f"{FORUM}/latest")
    first, second = report.posts
    assert (first.id, first.title, first.author, first.pinned) == ("4711", "Tides at the pier", "ebbe", True)
    assert (first.replies, first.views, first.likes, first.time) == (12, 1234, 3, None)
    assert (second.id, second.author, second.pinned) == ("4712", "flut", False)
    assert (second.replies, second.views, second.likes) == (0, 7, None)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "address", "layout", "likes", "time"),
    (
        ("topic-crawler-2017", "/t/ropes/4712", "crawler", 4, datetime(2017, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("topic-crawler-2026", "/t/anchors/4713", "crawler-alone", 5, datetime(2026, 3, 1, 10, tzinfo=UTC)),
    ),
)
async def test_the_view_of_a_crawler_says_the_same_in_noscript_and_alone(  # noqa: PLR0917 - one page each
    read_file: ReadFile, page: str, address: str, layout: str, likes: int, time: datetime
) -> None:
    report = await read_file(f"discourse/{page}.html", url=FORUM + address)
    assert report.outcome is Outcome.OK
    topic = report.posts[0]
    assert (topic.id, topic.url) == (address.rsplit("/", 1)[1], f"{FORUM}/t/{address.rsplit('/', 1)[1]}")
    assert (topic.author, topic.author_name, topic.layout) == ("ebbe", "Ebbe P.", layout)
    assert (topic.likes, topic.time, topic.rank) == (likes, time, 1)


@pytest.mark.browser
async def test_a_view_that_begins_in_the_middle_of_a_topic_has_not_its_first_post(read_file: ReadFile) -> None:
    report = await read_file("discourse/middle-crawler.html", url=f"{FORUM}/t/anchors/4713")
    assert report.outcome is Outcome.SELECTOR_DRIFT
    assert "4713" not in [one.id for one in report.posts]


@pytest.mark.parametrize(
    ("address", "post_id"),
    (
        ("/t/anchors/4713", "4713"),
        ("/t/4713", "4713"),
        ("/t/anchors/4713/1", "4713"),
        ("/t/anchors/4713/12?u=ebbe", "4713/12"),
        ("/t/4713/2", "4713/2"),
        ("/t/top-10/4713", "4713"),
        ("/latest", None),
    ),
)
def test_the_first_post_of_a_topic_has_the_topics_id(
    definitions: Definitions, address: str, post_id: str | None
) -> None:
    assert definitions.by_name("discourse").id_in(FORUM + address) == post_id


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "outcome"),
    (("not-found", Outcome.NOT_FOUND), ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT)),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"discourse/{page}.html", url=f"{FORUM}/t/anchors/4713")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason


@pytest.mark.browser
async def test_in_the_view_of_a_crawler_an_answer_has_the_number_below_the_topic(read_file: ReadFile) -> None:
    topic, answer = (await read_file("discourse/topic-crawler-2026.html", url=f"{FORUM}/t/anchors/4713")).posts
    assert (topic.id, answer.id, answer.url) == ("4713", "4713/2", f"{FORUM}/t/4713/2")
    assert (answer.author, answer.text, answer.likes, answer.rank) == ("flut", "Heavy.", 0, 2)
    old = (await read_file("discourse/topic-crawler-2017.html", url=f"{FORUM}/t/ropes/4712/2")).posts
    assert [(one.id, one.author, one.likes) for one in old] == [("4712", "ebbe", 4), ("4712/2", "flut", 0)]
