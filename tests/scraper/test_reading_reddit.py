"""Reddit: what is read from pages of our own in the shape of its three faces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport

ReadFile = Callable[..., Awaitable[PageReport]]
ReadHtml = Callable[..., Awaitable[PageReport]]
PAGES = Path(__file__).parent / "pages" / "reddit"

THREAD = "https://old.reddit.com/r/knots/comments/1aaaaa1/best_way_to_dry_a_rope/"


@pytest.mark.browser
async def test_of_three_scores_the_one_that_shows_is_read_and_exactly(read_file: ReadFile) -> None:
    report = await read_file("reddit/old-thread-of-2024.html", url=THREAD)
    assert report.outcome is Outcome.OK, report.reason
    post, *comments = report.posts
    assert (post.id, post.score, post.replies, post.author) == ("1aaaaa1", 12345, 4, "reef_knot")
    assert (post.title, post.text) == ("Best way to dry a rope?", "In the sun it took 12 hours.")
    assert post.time == datetime(2024, 3, 21, 5, 46, 40, tzinfo=UTC)
    assert (post.pinned, post.promoted, post.warnings) == (False, False, ())
    assert [(one.id, one.author, one.score, one.text) for one in comments] == [
        ("kaaaaa1", "AutoModerator", 1, "Read the rules."),
        ("kaaaaa2", "halyard", -2, "Never in the sun."),
        ("kaaaaa3", "reef_knot", None, "Why?"),
        ("kaaaaa5", "bosun", 1202, "Quite."),
    ]
    assert [one.pinned for one in comments] == [True, False, False, False]


@pytest.mark.browser
async def test_the_answer_to_a_removed_comment_still_has_its_parent(read_file: ReadFile) -> None:
    report = await read_file("reddit/old-thread-of-2024.html", url=THREAD)
    assert [(one.id, one.depth, one.parent) for one in report.posts[1:]] == [
        ("kaaaaa1", 0, "1aaaaa1"),
        ("kaaaaa2", 0, "1aaaaa1"),
        ("kaaaaa3", 1, "kaaaaa2"),
        ("kaaaaa5", 1, "kaaaaa4"),
    ]
    assert report.warnings == ("1 posts left out: comment without id",)


@pytest.mark.browser
async def test_a_page_about_one_comment_does_not_say_that_it_answers_the_post(
    read_html: ReadHtml, definitions: Definitions
) -> None:
    html = (PAGES / "old-thread-of-2024.html").read_text("utf-8")
    above = f"{THREAD}kaaaaa2/"
    own = f'href="{above}" data-event-action="permalink" class="bylink">permalink</a></li>'
    parent = f'<li><a href="{THREAD}kzzzzz9/" data-event-action="parent" class="bylink">parent</a></li>'
    single = html.replace(own, own + parent)
    assert single != html
    report = await read_html(definitions.by_name("reddit"), single.encode(), above)
    assert report.post is not None
    assert (report.post.id, report.post.parent) == ("kaaaaa2", "kzzzzz9")
    assert report.outcome is Outcome.OK


@pytest.mark.browser
async def test_before_2016_the_links_had_no_names_and_a_page_about_one_comment_is_known_by_its_notice(
    read_html: ReadHtml, definitions: Definitions
) -> None:
    html = (PAGES / "old-thread-of-2024.html").read_text("utf-8")
    for name in ("comments", "permalink", "parent"):
        html = html.replace(f' data-event-action="{name}"', "")
    posts = (await read_html(definitions.by_name("reddit"), html.encode(), THREAD)).posts
    assert [one.parent for one in posts] == [None, "1aaaaa1", "1aaaaa1", "kaaaaa2", "kaaaaa4"]
    notice = '<div class="infobar"><a href="/r/knots/comments/1aaaaa1/x/">view the rest of the comments</a></div>'
    single = html.replace('<div class="commentarea">', f'{notice}<div class="commentarea">')
    posts = (await read_html(definitions.by_name("reddit"), single.encode(), THREAD)).posts
    assert [one.parent for one in posts] == [None, None, None, "kaaaaa2", "kaaaaa4"]


@pytest.mark.browser
async def test_a_list_tells_what_is_paid_for_and_what_is_hidden(read_file: ReadFile) -> None:
    report = await read_file("reddit/old-list-of-2017.html", url="https://www.reddit.com/r/knots/")
    paid, sticky, hidden = report.posts
    assert (paid.id, paid.promoted, paid.score, paid.replies) == ("adadad", True, None, 0)
    assert (sticky.id, sticky.promoted, sticky.pinned, sticky.rank) == ("5aaaa1", False, True, 1)
    assert (sticky.title, sticky.score, sticky.replies) == ("All 3,900 knots", 42, 1)
    assert sticky.link == "https://knots.example/a?b=1&c=2"
    assert (hidden.score, hidden.replies, hidden.author) == (None, 0, None)
    assert {post.warnings for post in report.posts} == {()}
    assert report.next_url == "https://www.reddit.com/r/knots/?count=25&after=t3_5aaaa2"


@pytest.mark.browser
async def test_on_the_page_of_an_author_nobody_knows_what_a_comment_answers(read_file: ReadFile) -> None:
    (comment,) = (await read_file("reddit/old-user-page.html", url="https://www.reddit.com/user/bosun/")).posts
    assert (comment.id, comment.author, comment.score, comment.text) == ("dbbbbb1", "bosun", 7, "I count 3,901.")
    assert (comment.depth, comment.parent) == (None, None)


@pytest.mark.browser
async def test_the_redesign_shortens_its_numbers(read_file: ReadFile) -> None:
    report = await read_file("reddit/redesign-list.html", url="https://www.reddit.com/r/knots/")
    first, paid, hidden = report.posts
    assert (first.id, first.title, first.author) == ("7aaaa1", "All 3,900 knots", "bosun")
    assert (first.score, first.replies) == (None, None)
    assert (first.approximate["score"].low, first.approximate["score"].high) == (33250, 33399)
    assert first.approximate["replies"].text == "1.2k comments"
    assert (first.promoted, paid.promoted, paid.replies) == (False, True, None)
    assert (hidden.score, hidden.replies, dict(hidden.approximate)) == (None, 7, {})


@pytest.mark.browser
async def test_the_client_of_today_says_everything_in_attributes(read_file: ReadFile) -> None:
    report = await read_file("reddit/shreddit-thread.html", url=THREAD.replace("old.", "www."))
    assert report.outcome is Outcome.OK, report.reason
    post, *comments = report.posts
    assert (post.id, post.score, post.replies, post.author) == ("1aaaaa1", 12345, 40, "reef_knot")
    assert (post.title, post.text) == ("Best way to dry a rope?", "In the sun it took 12 hours.")
    assert post.time == datetime(2024, 3, 21, 5, 46, 40, tzinfo=UTC)
    assert [(one.id, one.author, one.score, one.depth, one.parent, one.text) for one in comments] == [
        ("kaaaaa2", "halyard", -2, 0, "1aaaaa1", "Never in the sun."),
        ("kaaaaa3", "reef_knot", 5, 1, "kaaaaa2", "Why?"),
        ("kaaaaa4", None, 1, 0, "1aaaaa1", None),
        ("kaaaaa5", "bosun", 1202, 1, "kaaaaa4", "Quite."),
    ]
    assert comments[1].time == datetime(2024, 3, 21, 6, 10, tzinfo=UTC)


@pytest.mark.browser
async def test_what_a_search_finds_is_read_in_both_clients(read_file: ReadFile) -> None:
    (old,) = (await read_file("reddit/old-search.html", url="https://old.reddit.com/search?q=knots")).posts
    assert (old.id, old.title, old.author, old.score, old.replies) == (
        "5ccccc", "12 points on rope", "bosun", 8094, 412,
    )  # fmt: skip
    (new,) = (await read_file("reddit/shreddit-search.html", url="https://www.reddit.com/search?q=knots")).posts
    assert (new.id, new.title, new.score, new.replies) == ("1ccccc1", "12 votes for wet rope", None, 7)
    assert new.approximate["score"].text == "1.2K votes"
    assert new.time == datetime(2026, 8, 12, 2, 3, 4, tzinfo=UTC)


@pytest.mark.browser
async def test_an_advertisement_between_the_posts_is_none(read_file: ReadFile) -> None:
    report = await read_file("reddit/shreddit-list.html", url="https://www.reddit.com/r/knots/")
    link, image = report.posts
    assert (link.id, link.score, link.replies, link.link) == ("1bbbbb1", 893, 0, "https://knots.example/a")
    assert (image.id, image.score, image.replies, image.author) == ("1bbbbb2", None, 2, None)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "outcome"),
    (
        ("blocked", Outcome.BLOCKED),
        ("nothing-here", Outcome.EMPTY),
        ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT),
    ),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"reddit/{page}.html")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason


@pytest.mark.browser
async def test_another_post_than_the_one_that_was_asked_for_is_not_it(read_file: ReadFile) -> None:
    for page in ("old-thread-of-2024", "shreddit-thread", "redesign-list"):
        report = await read_file(f"reddit/{page}.html", url="https://www.reddit.com/r/knots/comments/9zzzzz/x/")
        assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())


@pytest.mark.parametrize(
    ("address", "post"),
    (
        (THREAD, "1aaaaa1"),
        ("https://www.reddit.com/comments/1aaaaa1", "1aaaaa1"),
        ("https://www.reddit.com/r/knots/comments/1aaaaa1/best_way", "1aaaaa1"),
        (f"{THREAD}kaaaaa2/?context=3", "kaaaaa2"),
        ("https://www.reddit.com/r/knots/comments/1aaaaa1/comment/kaaaaa2/", "kaaaaa2"),
        ("https://www.reddit.com/r/knots/comments/", None),
        ("https://www.reddit.com/user/bosun/comments/", None),
        ("https://www.reddit.com/r/knots/", None),
    ),
)
def test_a_post_and_a_comment_are_known_by_their_addresses(
    definitions: Definitions, address: str, post: str | None
) -> None:
    assert definitions.by_name("reddit").id_in(address) == post
