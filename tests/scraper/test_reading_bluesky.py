"""Bluesky: what is read from pages of our own in the shape of its client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from scraper.outcome import Outcome
from scraper.page import PageReport

pytestmark = pytest.mark.browser

ReadFile = Callable[..., Awaitable[PageReport]]

OPENED = "https://bsky.app/profile/flow.example/post/3openedhere22"


async def test_the_post_that_a_thread_was_opened_at_has_the_id_of_the_address(read_file: ReadFile) -> None:
    report = await read_file("bluesky/thread-unliked.html", url=OPENED)
    assert report.outcome is Outcome.OK
    above, opened, below = report.posts
    assert (opened.id, opened.url, opened.author) == ("3openedhere22", OPENED, "flow.example")
    assert (opened.text, opened.likes, opened.replies, opened.reposts) == ("Nobody likes this", 0, 0, None)
    assert (above.id, above.author, above.author_name, above.likes) == ("3parentabove2", "ebb.example", "Ebb", 1204)
    assert (below.id, below.author, below.likes) == ("3answerbelow2", "slack.example", 2)
    assert [one.quoted.id if one.quoted else None for one in report.posts] == [
        "3quotedinside",
        "3quotedbelow2",
        None,
    ]


async def test_reposts_are_read_only_where_they_are_not_counted_together_with_quotes(read_file: ReadFile) -> None:
    (post,) = (await read_file("bluesky/thread-german.html", url=OPENED)).posts
    assert (post.replies, post.likes, post.reposts) == (95, 3121, 223)
    listed = (await read_file("bluesky/profile.html")).posts
    assert {one.reposts for one in listed} == {None}


async def test_in_a_profile_what_is_pinned_or_reposted_says_so_and_has_its_own_author(read_file: ReadFile) -> None:
    pinned, reposted, lost = (await read_file("bluesky/profile.html")).posts
    assert (pinned.author, pinned.pinned, pinned.reposted) == ("ebb.example", True, False)
    assert (reposted.author, reposted.author_name) == ("reef.example", "Reef 🪸")
    assert (reposted.pinned, reposted.reposted, reposted.social_context) == (False, True, "Reposted by Booster")
    assert (lost.id, lost.author, lost.url, lost.likes) == ("3lostonehere2", None, None, 1)


async def test_results_of_a_search_have_no_name_but_the_link_of_their_time(read_file: ReadFile) -> None:
    (found,) = (await read_file("bluesky/search-japanese.html")).posts
    assert (found.id, found.author, found.text, found.likes, found.replies) == (
        "3foundonehere",
        "ebb.example",
        "潮",
        1204,
        2,
    )
    assert found.time is None
    assert found.time_range is not None
    assert found.quoted is not None
    assert found.quoted.author == "reef.example"


async def test_a_post_that_is_not_on_the_page_is_never_answered_with_another(read_file: ReadFile) -> None:
    report = await read_file("bluesky/thread-german.html", url=OPENED.replace("here22", "elsewhere"))
    assert report.outcome is Outcome.SELECTOR_DRIFT


@pytest.mark.parametrize(
    ("page", "outcome"),
    (
        ("not-found", Outcome.NOT_FOUND),
        ("signed-in-only", Outcome.LOGIN_WALL),
        ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT),
    ),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"bluesky/{page}.html", url=OPENED)
    assert (report.outcome, report.posts) == (outcome, ()), report.reason
