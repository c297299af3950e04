"""Opening a page: from an address to a report, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from browser_pool import Lane
from browser_pool.cdp.lane import CdpLane
from browser_pool.errors import BrowserGone, PageCrashed
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import SavedPage, open_page
from scraper.post import post_as_dict
from scraper.reader import MAX_CHARACTERS, MAX_ITEMS

Serve = Callable[[dict[str, str]], Awaitable[str]]

LABEL = "12 replies, 3 reposts, 45 likes, 6 bookmarks, 7890 views"


def article(post_id: int, *, label: str = LABEL, inner: str = "") -> str:
    return f"""<article data-post-id="{post_id}">
      <a rel="author" href="/@alice">Alice A.</a>
      <a rel="bookmark" href="/@alice/post/{post_id}"><time datetime="2026-01-02T03:04:05+00:00">2 Jan</time></a>
      <p data-text>High water at nine</p>{inner}<div role="group" aria-label="{label}"></div></article>"""


def page(*parts: str) -> str:
    return f"<!DOCTYPE html><html lang='en'><title>Demo</title><body>{''.join(parts)}</body></html>"


@pytest.mark.browser
async def test_a_post_is_opened_and_read(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    quote = """<blockquote data-quoted><a rel="author" href="/@bob">Bob</a><p data-text>Low</p></blockquote>"""
    address = await serve({"/@alice/post/7": page(article(6), article(7, inner=quote))})
    report = await open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=20)
    assert (report.outcome, report.status, report.expected_id) == (Outcome.OK, 200, "7")
    post = report.post
    assert post is not None
    assert (post.views, post.likes, post.reposts, post.replies, post.bookmarks) == (7890, 45, 3, 12, 6)
    assert post.time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert post.url == f"{address}/@alice/post/7"
    assert post.text == "High water at nine"
    assert post.quoted is not None
    assert (post.quoted.author, post.quoted.text) == ("bob", "Low")
    assert post_as_dict(post)["time"] == "2026-01-02T03:04:05Z"


@pytest.mark.browser
async def test_a_post_that_scripts_bring_later_is_waited_for(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    late = f"<script>setTimeout(() => document.body.insertAdjacentHTML('beforeend', `{article(7)}`), 300)</script>"
    address = await serve({"/@alice/post/7": page(article(6), late)})
    report = await open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=20)
    assert report.outcome is Outcome.OK
    assert report.evidence["stopped"] == "ready"


@pytest.mark.browser
async def test_a_promoted_post_is_read_when_it_is_the_one_asked_for(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    paid = page(article(7).replace("<article", "<article data-promoted"))
    address = await serve({"/@alice/post/7": paid, "/": paid})
    demo = definitions.by_name("demo")
    asked = await open_page(lane, f"{address}/@alice/post/7", demo, timeout_seconds=20)
    assert asked.post is not None
    assert (asked.outcome, asked.post.promoted, asked.post.views) == (Outcome.OK, True, 7890)
    feed = await open_page(lane, f"{address}/", demo, timeout_seconds=20)
    assert [post.promoted for post in feed.posts] == [True]


@pytest.mark.browser
async def test_counts_that_scripts_bring_later_are_waited_for(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    late = f"""<script>setTimeout(() => document.querySelector('[role=group]')
        .setAttribute('aria-label', '{LABEL}'), 300)</script>"""
    bare = article(7).replace(f'aria-label="{LABEL}"', "")
    address = await serve({"/@alice/post/7": page(bare, late)})
    report = await open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=20)
    assert report.post is not None
    assert report.post.views == 7890


@pytest.mark.browser
async def test_a_page_that_sends_itself_elsewhere_is_read_where_it_ends(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve(
        {
            "/@alice/post/7": page("<script>setTimeout(() => location.replace('/elsewhere'), 200)</script>"),
            "/elsewhere": page(article(7)),
        }
    )
    report = await open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=20)
    assert report.outcome is Outcome.OK
    assert report.final_url == f"{address}/elsewhere"


@pytest.mark.browser
async def test_a_redirect_that_may_not_be_followed_is_refused(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve(
        {"/@alice/post/7": "HTTP/1.1 302 Found\nLocation: /inside\n\n", "/inside": page(article(7))}
    )
    report = await open_page(
        lane,
        f"{address}/@alice/post/7",
        definitions.by_name("demo"),
        timeout_seconds=20,
        why_unread=lambda opened: "not inside" if opened.url.endswith("/inside") else None,
    )
    assert (report.outcome, report.reason, report.posts) == (Outcome.REFUSED_URL, "not inside", ())


@pytest.mark.browser
async def test_posts_of_another_site_are_not_those_of_the_one_that_sent_there(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/list": page(article(7)), "/": page(article(8))})
    elsewhere = address.replace("127.0.0.1", "localhost") + "/list"
    sending = await serve({"/new": f"HTTP/1.1 302 Found\nLocation: {elsewhere}\n\n"})
    demo = definitions.by_name("demo").model_copy(update={"hosts": ("127.0.0.1",)})
    report = await open_page(lane, f"{sending}/new", demo, timeout_seconds=20)
    assert (report.outcome, report.posts) == (Outcome.INTERSTITIAL, ())
    assert report.reason == f"ended at another site: {elsewhere}"


@pytest.mark.browser
async def test_one_link_that_is_no_address_costs_no_other_post(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    story = """<tr class="athing" id="{0}"><td class="title"><span class="titleline"><a href="{1}">Story</a></span>
      </td></tr><tr><td class="subtext"></td></tr>"""
    rows = story.format(1, "http://[oops") + story.format(2, "/x")
    address = await serve({"/news": f"<html lang='en'><table>{rows}</table></html>"})
    hackernews = definitions.by_name("hackernews").model_copy(update={"hosts": ("127.0.0.1",)})
    report = await open_page(lane, f"{address}/news", hackernews, timeout_seconds=20)
    assert [(post.id, post.link) for post in report.posts] == [("1", None), ("2", f"{address}/x")]


@pytest.mark.browser
async def test_posts_beyond_the_most_of_one_reading_are_told(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/": page(*(article(number) for number in range(MAX_ITEMS + 3)))})
    report = await open_page(lane, f"{address}/", definitions.by_name("demo"), timeout_seconds=20)
    assert report.warnings == (f"3 posts more than {MAX_ITEMS} left out",)


@pytest.mark.browser
@pytest.mark.parametrize(
    "trouble",
    (
        (
            "HTTP/1.1 429 Too Many\nContent-Type: text/html\nRetry-After: 40\n\n<main data-state='rate-limited'>",
            Outcome.RATE_LIMITED,
            40.0,
        ),
        (
            "HTTP/1.1 404 Not Found\nContent-Type: text/html\n\n<main data-state='not-found'>no",
            Outcome.NOT_FOUND,
            None,
        ),
        ("HTTP/1.1 500 Oops\n\nbroken", Outcome.INTERSTITIAL, None),
        ("<main data-state='login-wall'>", Outcome.LOGIN_WALL, None),
        ("<main data-state='consent-wall'>", Outcome.CONSENT_WALL, None),
        ("<main data-state='blocked'>", Outcome.BLOCKED, None),
        ("<div id='px-captcha'></div>", Outcome.INTERSTITIAL, None),
        ("<title>Too many requests</title>", Outcome.RATE_LIMITED, None),
        ("never", Outcome.TIMEOUT, None),
    ),
)
async def test_what_stands_in_the_way_is_said(
    lane: Lane,
    definitions: Definitions,
    serve: Serve,
    trouble: tuple[str, Outcome, float | None],
) -> None:
    response, outcome, retry_after_seconds = trouble
    address = await serve({"/@alice/post/7": response})
    report = await open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=3)
    assert (report.outcome, report.retry_after_seconds) == (outcome, retry_after_seconds), report.reason
    assert report.posts == ()


@pytest.mark.browser
async def test_a_page_that_never_stops_computing_is_a_timeout(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/@alice/post/7": page("<script>setTimeout(() => { for (;;) {} }, 50)</script>")})
    report = await open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=2)
    assert report.outcome is Outcome.TIMEOUT


@pytest.mark.browser
async def test_a_server_that_is_not_there_is_no_missing_post(lane: Lane, definitions: Definitions) -> None:
    report = await open_page(lane, "http://127.0.0.1:9/@alice/post/7", definitions.by_name("demo"), timeout_seconds=5)
    assert report.outcome in {Outcome.TIMEOUT, Outcome.REFUSED_URL}
    assert report.reason


@pytest.mark.browser
async def test_old_libraries_that_change_what_json_means_do_no_harm(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    hostile = """<script>Array.prototype.toJSON = String.prototype.toJSON = () => "mine";
      Object.prototype.toJSON = () => "mine"; Array.from = () => []; Array.prototype.map = () => []</script>"""
    address = await serve({"/@alice/post/7": page(hostile, article(7))})
    report = await open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=10)
    assert report.post is not None
    assert report.post.likes == 45


@pytest.mark.browser
async def test_a_selector_that_is_none_is_said_to_be(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    late = "<script>setTimeout(() => document.body.append('x'), 100)</script>"
    address = await serve({"/": page(late)})
    shipped = definitions.by_name("demo")
    tale = shipped.tell_tales[0].model_copy(update={"css": "main["})
    report = await open_page(
        lane, f"{address}/", shipped.model_copy(update={"tell_tales": (tale,)}), timeout_seconds=10
    )
    assert report.outcome is Outcome.SELECTOR_DRIFT
    assert "not a valid selector" in report.reason


@pytest.mark.browser
async def test_what_a_page_shows_only_without_javascript_is_read(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/": page(f"<main>please wait</main><noscript>{article(7)}</noscript>")})
    shipped = definitions.by_name("demo")
    layout = shipped.layouts[0].model_copy(update={"inside_noscript": True})
    definition = shipped.model_copy(update={"layouts": (layout,)})
    live = await open_page(lane, f"{address}/", definition, timeout_seconds=10)
    saved = await open_page(
        lane,
        f"{address}/",
        definition,
        timeout_seconds=10,
        saved=SavedPage(page(f"<noscript>{article(8)}</noscript>").encode()),
    )
    assert [(one.id, one.likes) for one in (*live.posts, *saved.posts)] == [("7", 45), ("8", 45)]


@pytest.mark.browser
async def test_a_page_without_end_gives_a_bounded_reading_that_has_the_post_asked_for(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    last = MAX_ITEMS + 150
    huge = article(last).replace("High water at nine", "high water " * 10_000)
    html = page(*(article(number) for number in range(1, last)), huge)
    address = await serve({f"/@alice/post/{last}": html})
    report = await open_page(lane, f"{address}/@alice/post/{last}", definitions.by_name("demo"), timeout_seconds=20)
    assert len(report.posts) == MAX_ITEMS + 1
    assert report.post is not None
    assert len(report.post.text or "") <= MAX_CHARACTERS
    assert report.evidence["elements"] == {"demo/post": last}


@pytest.mark.browser
async def test_one_lane_reads_saved_pages_and_live_ones_in_turn(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/@alice/post/7": page(article(7)), "/@alice/post/8": page(article(8))})
    demo = definitions.by_name("demo")
    found: list[str | None] = []
    for path, saved in (("7", None), ("9", page(article(9))), ("10", page(article(10))), ("8", None)):
        report = await open_page(
            lane,
            f"{address}/@alice/post/{path}",
            demo,
            timeout_seconds=20,
            saved=SavedPage(saved.encode()) if saved else None,
        )
        found.append(report.post.id if report.post else report.reason)
    assert found == ["7", "9", "10", "8"]


@pytest.mark.browser
async def test_a_saved_page_fetches_nothing_and_runs_nothing(
    lane: CdpLane, definitions: Definitions, serve: Serve
) -> None:
    failures: list[str | None] = []
    lane.line.on("Network.loadingFailed", lambda event: failures.append(event.get("blockedReason")))
    html = page(
        article(7), "<img src='/face.png'><script src='/app.js'></script><script>document.body.remove()</script>"
    )
    address = await serve({})
    url = f"{address}/@alice/post/7"
    report = await open_page(
        lane, url, definitions.by_name("demo"), timeout_seconds=20, saved=SavedPage(html.encode())
    )
    assert report.outcome is Outcome.OK
    assert failures == ["csp", "csp"]


class LaneThatFails:
    """A lane whose browser fails in a given way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def block(self, *_: Any) -> None:
        await asyncio.sleep(0)

    async def hear(self, *_: Any) -> None:
        await asyncio.sleep(0)

    async def revalidate(self, **_: Any) -> None:
        await asyncio.sleep(0)

    async def open(self, *_: Any, **__: Any) -> Any:
        raise self._error

    async def evaluate(self, *_: Any) -> Any:
        raise self._error

    async def reclaim(self) -> None:
        await asyncio.sleep(0)


async def test_a_crash_of_the_page_is_an_outcome_and_the_loss_of_the_browser_is_not(
    definitions: Definitions,
) -> None:
    demo = definitions.by_name("demo")
    url = "http://127.0.0.1/@a/post/1"
    crashed, gone = (LaneThatFails(error) for error in (PageCrashed("renderer"), BrowserGone("driver")))
    report = await open_page(cast("Lane", crashed), url, demo, timeout_seconds=5)
    assert report.outcome is Outcome.CRASHED
    with pytest.raises(BrowserGone):
        await open_page(cast("Lane", gone), url, demo, timeout_seconds=5)


@pytest.mark.browser
async def test_a_renderer_that_dies_while_it_is_read_is_a_crash(
    lane: CdpLane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/@alice/post/7": page("<main>nothing yet</main>")})
    arrived = asyncio.Event()
    lane.line.on("Page.frameNavigated", lambda _: arrived.set())
    reading = asyncio.create_task(
        open_page(lane, f"{address}/@alice/post/7", definitions.by_name("demo"), timeout_seconds=20)
    )
    await arrived.wait()
    lane.line.tell("Page.crash")
    report = await reading
    assert report.outcome is Outcome.CRASHED


@pytest.mark.browser
async def test_the_keys_of_a_post_as_json_are_a_promise(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": page(article(7))})
    report = await open_page(lane, f"{address}/", definitions.by_name("demo"), timeout_seconds=20)
    assert list(post_as_dict(report.posts[0])) == [
        "id", "site", "kind", "url", "author", "author_name", "title", "text", "link", "time", "rank", "depth",
        "parent", "pinned", "promoted", "reposted", "social_context", "lang", "quoted", "views", "likes", "reposts",
        "replies", "bookmarks", "score", "approximate", "layout", "warnings", "sources",
    ]  # fmt: skip
