"""GitHub: what is read from pages of our own in the shape of its server's pages and of its client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport

ReadFile = Callable[..., Awaitable[PageReport]]

TIDES = "https://github.com/pier/tides"


@pytest.mark.browser
async def test_an_issue_of_the_server_has_its_comments_and_each_its_own_author(read_file: ReadFile) -> None:
    report = await read_file("github/issue-2016.html", url=f"{TIDES}/issues/7")
    assert report.outcome is Outcome.OK
    issue, *comments = report.posts
    assert (issue.id, issue.url, issue.title) == ("pier/tides/issues/7", f"{TIDES}/issues/7", "Low water")
    assert (issue.author, issue.text) == ("eel", "The water is low. See that.")
    assert (issue.replies, issue.likes) == (2, 5)
    assert issue.time == datetime(2016, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert [one.id for one in comments] == ["issuecomment-900001", "issuecomment-900002"]
    assert [(one.url, one.author, one.text, one.likes) for one in comments] == [
        (f"{TIDES}/issues/7#issuecomment-900001", "ebb", "It is.", None),
        (f"{TIDES}/issues/7#issuecomment-900002", "flow", "No.", None),
    ]
    assert comments[0].time == datetime(2016, 2, 3, 5, tzinfo=UTC)


@pytest.mark.browser
async def test_the_client_of_2025_shows_the_same_under_other_names(read_file: ReadFile) -> None:
    report = await read_file("github/issue-2025.html", url=f"{TIDES}/issues/8")
    issue, comment = report.posts
    assert (issue.id, issue.title, issue.author, issue.text) == (
        "pier/tides/issues/8",
        "High water",
        "eel",
        "Too high, since .",
    )
    assert issue.time == datetime(2025, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert (comment.url, comment.author) == (f"{TIDES}/issues/8#issuecomment-910001", "flow")
    assert comment.text is not None
    assert comment.text.endswith("Not here, see there.")


@pytest.mark.browser
async def test_a_row_of_what_is_closed_does_not_say_when_it_was_opened(read_file: ReadFile) -> None:
    report = await read_file("github/list-2019.html", url=f"{TIDES}/issues")
    issue, pull = report.posts
    assert (issue.id, issue.author, issue.replies) == ("pier/tides/issues/7", "eel", 12)
    assert issue.time == datetime(2019, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert (pull.id, pull.author, pull.replies, pull.time) == ("pier/tides/pull/6", "ebb", None, None)
    assert report.next_url == "https://github.com/pier/tides/issues?page=2"
    (row,) = (await read_file("github/list-2025.html", url=f"{TIDES}/issues")).posts
    assert (row.id, row.title, row.author, row.replies) == ("pier/tides/issues/8", "High water", "eel", 1)


@pytest.mark.browser
@pytest.mark.parametrize("comment", ("issues/7#issuecomment-900009", "issues/9", "pull/7"))
async def test_a_comment_that_is_not_on_the_page_is_never_answered_with_another(
    read_file: ReadFile, comment: str
) -> None:
    report = await read_file("github/issue-2025.html", url=f"{TIDES}/{comment}")
    assert report.outcome is not Outcome.OK


def test_only_issues_and_pull_requests_are_read(definitions: Definitions) -> None:
    github = definitions.by_name("github")
    assert github.reads(f"{TIDES}/pulls")
    assert not github.reads(f"{TIDES}/blob/main/issues.md")
    assert github.id_in(f"{TIDES}/pull/6/files#diff-1") == "pier/tides/pull/6"
    assert github.id_in(f"{TIDES}/pull/6?x=1#issuecomment-12") == "issuecomment-12"
    assert github.id_in(f"{TIDES}/issues/7#issue-555001") == "pier/tides/issues/7"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "outcome"),
    (("not-found", Outcome.NOT_FOUND), ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT)),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"github/{page}.html", url=f"{TIDES}/issues/9")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason
