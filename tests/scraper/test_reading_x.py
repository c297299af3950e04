"""X: what is read from pages of our own in the shape of its clients."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import METRICS, Post

pytestmark = pytest.mark.browser

ReadFile = Callable[..., Awaitable[PageReport]]
ReadHtml = Callable[[Definition, bytes], Awaitable[PageReport]]
PAGES = Path(__file__).parent / "pages" / "x"


def counts(post: Post) -> dict[str, int | None]:
    return {metric: post.metric(metric) for metric in METRICS if metric != "score"}


async def test_a_status_page_gives_the_post_its_replies_and_no_advertisement(read_file: ReadFile) -> None:
    report = await read_file("x/status-with-replies.html", url="https://x.com/maraquill/status/1700000000000000001")
    assert report.outcome is Outcome.OK
    assert report.layout == "testid"
    post = report.post
    assert post is not None
    assert counts(post) == {"replies": 1, "reposts": 12, "likes": 345, "bookmarks": 6, "views": 1499144}
    assert post.author == "maraquill"
    assert post.author_name == "Mara Quill 🌊"
    assert post.text == "Tide tables for @harbour are out 🎉\nSecond line, 1,234 boats."
    assert post.time == datetime(2023, 9, 8, 4, 15, 59, tzinfo=UTC)
    assert post.url == "https://x.com/maraquill/status/1700000000000000001"
    assert (post.pinned, post.promoted, post.quoted) == (False, False, None)
    advertisements = [one for one in report.posts if one.promoted]
    assert [one.author for one in advertisements] == ["shinyboats"]
    reply = report.posts[-1]
    assert counts(reply) == {"replies": 0, "reposts": 0, "likes": 0, "bookmarks": 0, "views": 8}


async def test_german_labels_a_pinned_post_a_repost_and_a_quote_are_understood(read_file: ReadFile) -> None:
    pinned, reposted = (await read_file("x/profile-german.html")).posts
    assert counts(pinned) == {"replies": 12, "reposts": 3, "likes": 1234, "bookmarks": 6, "views": 7890}
    assert pinned.pinned is True
    assert pinned.social_context == "Angeheftet"
    assert pinned.warnings == ("text: cut by the site",)
    assert reposted.author == "kuestenfunk"
    assert reposted.pinned is False
    assert reposted.text is None
    assert reposted.time == datetime(2022, 12, 6, 5, 31, 41, tzinfo=UTC)
    assert counts(reposted) == {"replies": 0, "reposts": 0, "likes": 0, "bookmarks": 0, "views": None}
    assert reposted.quoted is not None
    assert (reposted.quoted.author, reposted.quoted.text) == ("nebelhorn", "Zitiert: 5555 Antworten")
    assert reposted.quoted.author_name == "Nebel Horn"


async def test_japanese_labels_are_exact_where_the_visible_numbers_are_not(read_file: ReadFile) -> None:
    (post,) = (await read_file("x/timeline-japanese.html")).posts
    assert counts(post) == {"replies": 2, "reposts": 1, "likes": 20511, "bookmarks": 13, "views": 636612}


async def test_in_a_language_nobody_taught_it_counts_without_a_button_are_unknown_and_not_zero(
    read_file: ReadFile,
) -> None:
    (post,) = (await read_file("x/timeline-unheard-language.html")).posts
    assert counts(post) == {"replies": 2, "reposts": None, "likes": 41, "bookmarks": None, "views": 636}
    assert post.pinned is None


async def test_where_all_numbers_of_an_unheard_language_have_their_buttons_what_is_left_out_is_zero(
    definitions: Definitions, read_html: ReadHtml
) -> None:
    html = (PAGES / "timeline-unheard-language.html").read_bytes()
    report = await read_html(definitions.by_name("x"), html.replace(b"13 laster-marka, ", b""))
    assert counts(report.posts[0]) == {"replies": 2, "reposts": 0, "likes": 41, "bookmarks": 0, "views": 636}
    assert report.posts[0].warnings == ()


async def test_where_the_page_contradicts_itself_the_count_is_unknown(read_file: ReadFile) -> None:
    (post,) = (await read_file("x/contradiction.html")).posts
    assert post.likes is None
    assert "likes" not in post.approximate
    assert post.views == 900000
    assert any("both 68000 and 31" in warning for warning in post.warnings)


async def test_the_client_of_2022_had_no_views_and_other_words(read_file: ReadFile) -> None:
    (post,) = (await read_file("x/profile-of-2022.html")).posts
    assert counts(post) == {"replies": 3, "reposts": 1004, "likes": 31, "bookmarks": 0, "views": None}
    assert (post.author, post.author_name, post.text) == ("oldsalt", "Old Salt @ sea", "Knots")
    assert post.quoted is not None
    assert (post.quoted.author, post.quoted.author_name) == ("first_mate", "Mate @ harbour")


async def test_visible_numbers_alone_give_what_is_exact_and_ranges_for_the_rest(read_file: ReadFile) -> None:
    (post,) = (await read_file("x/before-views-visible-only.html")).posts
    assert counts(post) == {"replies": None, "reposts": 17, "likes": 1234, "bookmarks": None, "views": None}
    assert {metric: (count.low, count.high) for metric, count in post.approximate.items()} == {
        "replies": (2500, 2599)
    }


async def test_the_client_of_july_2026_is_read_and_its_quotes_do_not_leak(read_file: ReadFile) -> None:
    report = await read_file("x/client-of-july-2026.html", url="https://x.com/lenafisk/status/2090000000000000001")
    assert report.layout == "x-web"
    post, second = report.posts
    assert counts(post) == {"replies": 28, "reposts": None, "likes": 1712, "bookmarks": 208, "views": 32877}
    assert post.text == "Ferry is late, cut nowhere"
    assert post.time == datetime(2026, 8, 19, 8, 56, 44, tzinfo=UTC)
    assert post.quoted is not None
    assert (post.quoted.id, post.quoted.author, post.quoted.text) == (
        "2080000000000000002",
        "quayside",
        "Quoted words",
    )
    assert counts(second) == {"replies": 3, "reposts": None, "likes": None, "bookmarks": None, "views": None}
    assert second.author_name == "Tide Watch"
    assert second.quoted is not None
    assert second.quoted.url == "https://x.com/quayside/status/2080000000000000004"
    assert second.quoted.text == "Inner"


async def test_the_client_of_august_2026_is_read_in_any_language_and_unusable_digits_are_unknown(
    read_file: ReadFile,
) -> None:
    post, answer = (await read_file("x/client-of-august-2026.html")).posts
    assert (post.author, post.author_name) == ("toudaimori", "灯台守 🗼")
    assert post.text == "霧が晴れた。\n@kaze 見て"
    assert post.time == datetime(2026, 8, 16, 14, 43, 6, tzinfo=UTC)
    assert counts(post) == {"replies": 10, "reposts": 46, "likes": 1008, "bookmarks": None, "views": None}
    assert (post.approximate["views"].low, post.approximate["views"].high) == (38000, 38999)
    assert (post.quoted, post.pinned) == (None, None)
    assert counts(answer) == {"replies": None, "reposts": None, "likes": 8015, "bookmarks": None, "views": 1096657}
    assert answer.text == "こちらも"
    assert answer.quoted is not None
    assert answer.quoted.url == "https://x.com/nami/status/2088000000000000003"
    assert (answer.quoted.author_name, answer.quoted.text) == ("波", "引用された言葉")


async def test_the_client_of_october_2026_whose_articles_have_no_id_is_read_and_bound_to_its_links(
    read_file: ReadFile,
) -> None:
    pinned, post, reposted, wordless = (await read_file("x/client-of-october-2026.html")).posts
    assert (pinned.id, pinned.author, pinned.author_name) == ("2105000000000000001", "wardkeel", "Ward Keel")
    assert (pinned.pinned, pinned.social_context) == (True, "已釘選")
    assert pinned.text == "Each @yard crane lifts 250 tons, see x.com/biz/status/21"
    assert counts(pinned) == {"replies": None, "reposts": 3801, "likes": 28, "bookmarks": None, "views": None}
    assert {metric: (count.low, count.high) for metric, count in pinned.approximate.items()} == {
        "replies": (2500, 2599),
        "views": (27000, 27999),
    }
    assert pinned.quoted is not None
    assert pinned.quoted.url == "https://x.com/dryquay/status/2104000000000000002"
    assert (pinned.quoted.author_name, pinned.quoted.text) == ("Dry Quay", "Tallest crane yet")
    assert (post.id, post.pinned, post.social_context) == ("2104300000000000003", False, None)
    assert post.text == "Back on Tuesday"
    assert post.time == datetime(2026, 9, 27, 19, 59, 50, tzinfo=UTC)
    assert counts(post) == {"replies": 187, "reposts": None, "likes": None, "bookmarks": 7, "views": 1355}
    assert (reposted.url, reposted.author_name) == ("https://x.com/dryquay/status/2106000000000000004", "Dry Quay")
    assert (reposted.text, reposted.pinned, reposted.quoted) == ("Fresh paint", False, None)
    assert counts(reposted) == {"replies": 1480, "reposts": None, "likes": None, "bookmarks": None, "views": None}
    assert (reposted.approximate["likes"].low, reposted.approximate["views"].low) == (18000, 1294000)
    assert reposted.warnings == ("text: cut by the site",)
    assert (wordless.id, wordless.replies, wordless.text) == ("2106500000000000005", 9, None)


async def test_without_its_drawings_nobody_knows_what_is_pinned_and_the_counts_are_still_told_apart(
    definitions: Definitions, read_html: ReadHtml
) -> None:
    html = re.sub(rb"<svg.*?</svg>", b"", (PAGES / "client-of-october-2026.html").read_bytes())
    first, *others = (await read_html(definitions.by_name("x"), html)).posts
    assert {post.pinned for post in (first, *others)} == {None}
    assert counts(first) == {"replies": None, "reposts": 3801, "likes": 28, "bookmarks": None, "views": None}
    assert "views" not in first.approximate


async def test_a_quote_without_its_frame_never_lends_its_words_in_the_client_of_2026_either(
    definitions: Definitions, read_html: ReadHtml
) -> None:
    html = (
        (PAGES / "client-of-october-2026.html").read_bytes().replace(b'role="link" tabindex', b'role="zz" tabindex')
    )
    html = re.sub(rb'<article>(<div><div><div><a id="base-4".*?)</article>', rb"<section>\1</section>", html)
    report = await read_html(definitions.by_name("x"), html)
    assert [post.id for post in report.posts] == ["2104300000000000003", "2106000000000000004", "2106500000000000005"]
    assert report.warnings == ("1 posts left out: post that holds another one, not set apart",)


@pytest.mark.parametrize(
    ("page", "outcome"),
    (
        ("not-found", Outcome.NOT_FOUND),
        ("suspended", Outcome.NOT_FOUND),
        ("protected", Outcome.LOGIN_WALL),
        ("nothing-here", Outcome.EMPTY),
        ("went-wrong", Outcome.INTERSTITIAL),
        ("login-form", Outcome.LOGIN_WALL),
        ("still-loading", Outcome.TIMEOUT),
        ("layout-of-2017", Outcome.SELECTOR_DRIFT),
        ("layout-of-tomorrow", Outcome.SELECTOR_DRIFT),
        ("without-counts", Outcome.SELECTOR_DRIFT),
        ("without-permalink", Outcome.SELECTOR_DRIFT),
    ),
)
async def test_a_page_without_a_readable_post_says_what_it_is(
    read_file: ReadFile, page: str, outcome: Outcome
) -> None:
    report = await read_file(f"x/{page}.html")
    assert (report.outcome, report.posts) == (outcome, ()), report.reason


async def test_links_that_a_browser_or_an_archive_has_rewritten_lead_to_the_same_authors(
    definitions: Definitions, read_html: ReadHtml
) -> None:
    html = (PAGES / "profile-german.html").read_text("utf-8")
    for prefix in (
        "https://twitter.com/",
        "/web/20240101000000/https://twitter.com/",
        "https://web.archive.org/web/2024/",
    ):
        rewritten = html.replace('href="/', f'href="{prefix}').replace("web/2024/", "web/2024/https://x.com/")
        report = await read_html(definitions.by_name("x"), rewritten.encode())
        assert [post.author for post in report.posts] == ["jbrandt", "kuestenfunk"], prefix


async def test_a_quote_in_a_frame_nobody_described_never_lends_its_words_to_the_outer_post(
    definitions: Definitions, read_html: ReadHtml
) -> None:
    html = (PAGES / "profile-german.html").read_bytes().replace(b'role="link"', b'role="zz"')
    report = await read_html(definitions.by_name("x"), html)
    assert [post.author for post in report.posts] == ["jbrandt"]
    assert report.warnings == ("1 posts left out: post that holds another one, not set apart",)


async def test_the_numbers_of_another_post_are_never_those_of_the_one_asked_for(read_file: ReadFile) -> None:
    report = await read_file("x/profile-german.html", url="https://x.com/jbrandt/status/1600000000000000099")
    assert report.outcome is Outcome.SELECTOR_DRIFT
    assert report.posts == ()
    assert report.post is None
