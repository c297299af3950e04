"""Mastodon: what is read from pages of our own in the shape of the server's and the client's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import Quoted

pytestmark = pytest.mark.browser

ReadFile = Callable[..., Awaitable[PageReport]]

PIER = "https://pier.example"


async def test_a_page_of_the_server_tells_its_own_accounts_from_those_of_elsewhere(read_file: ReadFile) -> None:
    report = await read_file("mastodon/status-server-2019.html", url=f"{PIER}/@ebb/101000000000000002")
    assert report.outcome is Outcome.OK
    above, asked = report.posts
    assert (asked.id, asked.author, asked.url) == ("101000000000000002", "ebb", f"{PIER}/@ebb/101000000000000002")
    assert asked.text == "High tide at six.Low at noon."
    assert (asked.likes, asked.replies, asked.reposts) == (345, 12, None)
    assert asked.approximate["reposts"].text == "1.2K"
    assert asked.time == datetime(2019, 4, 5, 7, 8, 9, tzinfo=UTC)
    assert (above.id, above.author) == ("101000000000000001", "flow@elsewhere.example")
    assert (above.text, above.replies) == ("When is it high?", None)


async def test_a_boosted_post_is_its_authors_and_a_quoted_one_stays_apart(read_file: ReadFile) -> None:
    report = await read_file("mastodon/timeline-client.html", url=f"{PIER}/home")
    boosted, pinned = report.posts
    assert (boosted.id, boosted.author) == ("112000000000000077", "ebb@elsewhere.example")
    assert (boosted.reposted, boosted.pinned, boosted.social_context) == (True, False, "Booster teilte")
    assert (boosted.text, boosted.replies, boosted.reposts, boosted.likes) == ("Neue Flut", 3, 1204, 20)
    assert boosted.quoted == Quoted(
        author="reef",
        id="112000000000000055",
        url=f"{PIER}/@reef/112000000000000055",
        text="Alte Flut",
        author_name="Reef",
    )
    assert (pinned.author, pinned.pinned, pinned.reposted) == ("reef", True, False)
    assert (pinned.replies, pinned.likes, pinned.quoted) == (None, None, None)
    assert pinned.warnings == ("text: cut by the site",)


async def test_a_post_that_fills_the_client_is_read(read_file: ReadFile) -> None:
    report = await read_file("mastodon/status-client.html", url=f"{PIER}/@reef/112000000000000002")
    (post,) = report.posts
    assert (post.author, post.author_name, post.text) == ("reef", "Reef", "Rules 🐚")
    assert (post.reposts, post.likes, post.replies) == (12, 3, None)


async def test_a_post_that_is_not_on_the_page_is_never_answered_with_another(read_file: ReadFile) -> None:
    report = await read_file("mastodon/status-client.html", url=f"{PIER}/@reef/112000000000000003")
    assert report.outcome is Outcome.SELECTOR_DRIFT


@pytest.mark.parametrize(
    ("page", "outcome"),
    (("not-found", Outcome.NOT_FOUND), ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT)),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"mastodon/{page}.html")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason
