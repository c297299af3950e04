"""Lobsters: what is read from pages of our own in the shape of its years."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport

ReadFile = Callable[..., Awaitable[PageReport]]

LOBSTERS = "https://lobste.rs"


@pytest.mark.browser
async def test_a_story_of_2026_has_its_thread_and_nothing_of_the_story_that_was_merged_into_it(
    read_file: ReadFile,
) -> None:
    report = await read_file("lobsters/story-2026.html", url=f"{LOBSTERS}/s/tide01/how_tides_are_told")
    assert report.outcome is Outcome.OK
    story, *comments = report.posts
    assert (story.id, story.url, story.author) == ("tide01", f"{LOBSTERS}/s/tide01", "harbour-master")
    assert (story.title, story.link, story.text) == (
        "How tides are told",
        "https://tides.example/told",
        "By the moon.",
    )
    assert (story.score, story.replies) == (151, 4)
    assert story.time == datetime(2026, 8, 24, 7, 32, 45, tzinfo=UTC)
    assert [(one.id, one.author, one.depth, one.parent) for one in comments] == [
        ("aaaaa1", "ebb", 0, "tide01"),
        ("aaaaa2", "gone", 1, "aaaaa1"),
        ("aaaaa3", "flow", 2, "aaaaa2"),
        ("aaaaa4", "slack", 0, "merge2"),
    ]
    assert [one.url for one in comments] == [f"{LOBSTERS}/c/{one.id}" for one in comments]
    assert [one.score for one in comments] == [18, None, -2, None]
    assert [one.text for one in comments] == ["By a table.", None, "Deeper.", "From the other story."]


@pytest.mark.browser
async def test_hidden_scores_are_unknown_and_a_removed_story_has_no_title(read_file: ReadFile) -> None:
    report = await read_file("lobsters/front-2013.html")
    assert [(one.id, one.author, one.score, one.replies) for one in report.posts] == [
        ("old111", "cockle", 12, 1),
        ("old222", "winkle", None, 0),
        ("old333", "limpet", -1, None),
    ]
    assert [one.title for one in report.posts] == ["Old shells", "Which shell?", None]
    assert report.posts[0].time == datetime(2013, 5, 6, 12, 8, 9, tzinfo=UTC)
    assert report.next_url == "https://lobste.rs/page/2"


@pytest.mark.browser
async def test_in_the_list_of_new_comments_nobody_knows_what_they_answer(read_file: ReadFile) -> None:
    (comment,) = (await read_file("lobsters/newest-comments.html", url=f"{LOBSTERS}/comments")).posts
    assert (comment.id, comment.author, comment.score) == ("bbbbb1", "eel", None)
    assert (comment.depth, comment.parent) == (None, None)


@pytest.mark.browser
async def test_in_a_list_of_threads_the_first_shown_may_be_an_answer_itself(read_file: ReadFile) -> None:
    posts = (await read_file("lobsters/threads.html", url=f"{LOBSTERS}/threads/eel")).posts
    assert [(one.id, one.score, one.depth, one.parent) for one in posts] == [
        ("ccccc1", -3, None, None),
        ("ccccc2", 1, None, None),
    ]


@pytest.mark.browser
async def test_a_story_that_is_not_on_the_page_is_never_answered_with_another(read_file: ReadFile) -> None:
    report = await read_file("lobsters/story-2026.html", url=f"{LOBSTERS}/s/other9/another")
    assert report.outcome is Outcome.SELECTOR_DRIFT


@pytest.mark.parametrize(
    ("address", "post_id"),
    (
        ("/s/tide01", "tide01"),
        ("/s/tide01/how_tides_are_told", "tide01"),
        ("/s/tide01/how_tides_are_told#c_aaaaa1", "aaaaa1"),
        ("/s/tide01#c_aaaaa1", "aaaaa1"),
        ("/c/aaaaa1", "aaaaa1"),
        ("/newest", None),
    ),
)
def test_a_comment_has_the_address_of_its_story(definitions: Definitions, address: str, post_id: str | None) -> None:
    assert definitions.by_name("lobsters").id_in(LOBSTERS + address) == post_id


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "outcome"),
    (("not-found", Outcome.NOT_FOUND), ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT)),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"lobsters/{page}.html")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason
