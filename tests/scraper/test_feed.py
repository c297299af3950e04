"""Scrolling through a feed: what is collected, and what ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from browser_pool import Lane
from browser_pool.cdp.lane import CdpLane
from browser_pool.hearing import MOST_BODY_BYTES
from scraper.definition import Definition
from scraper.definitions import Definitions, load_definition
from scraper.feed import Stop, collect
from scraper.links import joined, with_parameters
from scraper.outcome import Outcome, Verdict
from scraper.post import Post
from scraper.records import RecordBook

Serve = Callable[[dict[str, str]], Awaitable[str]]

# A feed of `total` posts that shows eight at a time, drops what has scrolled away and says when it is over.
FEED = """<!DOCTYPE html><html lang="en"><body style="margin:0">
<div id="feed" style="position:relative"></div><script>
const total = TOTAL, height = 200, feed = document.getElementById("feed"), day = 86400000;
let loaded = Math.min(8, total);
const draw = () => {
  const first = Math.max(0, Math.floor(scrollY / height) - 1);
  feed.style.height = (loaded + 1) * height + "px";
  let html = "";
  for (let i = first; i < Math.min(loaded, first + 8); i++) {
    const time = new Date(Date.now() - i * day).toISOString();
    html += `<article data-post-id="${i + 1}" style="position:absolute;top:${i * height}px;height:${height}px">
      <a rel="author" href="/@alice">A</a>
      <a rel="bookmark" href="/@alice/post/${i + 1}"><time datetime="${time}">x</time></a>
      <p data-text>Post ${i + 1}</p><div role="group" aria-label="${i} likes"></div></article>`;
  }
  if (loaded >= total && ENDS) {
    html += `<p data-end-of-feed style="position:absolute;top:${total * height}px">the end</p>`;
  }
  feed.innerHTML = html;
};
addEventListener("scroll", () => {
  draw();
  if (loaded < total && scrollY + innerHeight > (loaded - 2) * height) {
    setTimeout(() => { loaded = Math.min(total, loaded + 5); draw(); }, 20);
  }
});
draw();
</script></body></html>"""


def feed(total: int, *, ends: bool = True) -> str:
    return FEED.replace("TOTAL", str(total)).replace("ENDS", "true" if ends else "false")


def ids(posts: Sequence[Post]) -> list[int]:
    return [int(post.id) for post in posts]


@pytest.mark.browser
async def test_a_feed_is_collected_to_its_end_though_the_page_drops_what_has_gone_by(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/": feed(60)})
    batches: list[list[int]] = []

    async def keep(posts: Sequence[Post]) -> None:
        batches.append(ids(posts))

    report = await collect(
        lane, f"{address}/", definitions.by_name("demo"), limit=500, timeout_seconds=30, on_batch=keep
    )
    assert report.stopped_by is Stop.END_OF_FEED
    assert (report.count, report.posts) == (60, ())
    assert [one for batch in batches for one in batch] == list(range(1, 61))
    assert len(batches) > 2


@pytest.mark.browser
async def test_the_limit_is_kept_to_the_post(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": feed(60)})
    report = await collect(lane, f"{address}/", definitions.by_name("demo"), limit=21, timeout_seconds=30)
    assert (report.stopped_by, ids(report.posts)) == (Stop.LIMIT, list(range(1, 22)))


@pytest.mark.browser
async def test_a_feed_that_brings_nothing_new_and_no_end_is_left(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/": feed(20, ends=False)})
    report = await collect(
        lane, f"{address}/", definitions.by_name("demo"), limit=500, timeout_seconds=30, idle_seconds=0.3
    )
    assert (report.stopped_by, ids(report.posts)) == (Stop.NOTHING_NEW, list(range(1, 21)))


@pytest.mark.browser
async def test_posts_that_are_too_old_end_it(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": feed(60)})
    report = await collect(
        lane,
        f"{address}/",
        definitions.by_name("demo"),
        limit=500,
        timeout_seconds=30,
        max_age=timedelta(days=9.5),
    )
    assert (report.stopped_by, ids(report.posts)) == (Stop.AGE, list(range(1, 11)))


@pytest.mark.browser
async def test_when_the_time_is_over_what_was_collected_is_kept(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/": feed(20, ends=False)})
    report = await collect(
        lane, f"{address}/", definitions.by_name("demo"), limit=500, timeout_seconds=2.5, idle_seconds=60
    )
    assert report.stopped_by is Stop.TIME
    assert ids(report.posts) == list(range(1, 21))


@pytest.mark.browser
async def test_a_feed_that_does_not_open_says_why(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": "<main data-state='login-wall'>"})
    report = await collect(lane, f"{address}/", definitions.by_name("demo"), limit=5, timeout_seconds=10)
    assert (report.outcome, report.stopped_by, report.posts) == (Outcome.LOGIN_WALL, Stop.TROUBLE, ())


@pytest.mark.browser
async def test_an_empty_feed_is_empty_and_not_broken(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": "<main data-state='empty'>nothing here yet</main>"})
    report = await collect(lane, f"{address}/", definitions.by_name("demo"), limit=5, timeout_seconds=10)
    assert (report.outcome, report.stopped_by) == (Outcome.EMPTY, Stop.END_OF_FEED)


@pytest.mark.browser
async def test_a_feed_in_pages_is_followed_from_page_to_page(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    def hn(number: int, *, more: bool) -> str:
        link = f'<a class="morelink" href="/news?p={number + 1}">More</a>' if more else ""
        return f"""<html lang="en"><table><tr class="athing" id="{number}"><td class="title"><span class="titleline">
          <a href="/x">Story {number}</a></span></td></tr><tr><td class="subtext"></td></tr></table>{link}</html>"""

    address = await serve({"/news": hn(1, more=True), "/news?p=2": hn(2, more=True), "/news?p=3": hn(3, more=False)})
    shipped = definitions.by_name("hackernews")
    quick = shipped.politeness.model_copy(update={"requests_per_second": 100})
    hackernews = shipped.model_copy(update={"hosts": ("127.0.0.1",), "politeness": quick})
    report = await collect(lane, f"{address}/news", hackernews, limit=10, timeout_seconds=20)
    assert (report.stopped_by, ids(report.posts)) == (Stop.END_OF_FEED, [1, 2, 3])


MOLE = """
name = "mole"
title = "Mole"
hosts = ["127.0.0.1"]
post_id = '/m/(\\d+)'
permalink = "/m/{id}"
language = "en"
[saved]
base_url = "http://127.0.0.1/"
[ready]
when = "parsed"
[politeness]
requests_per_second = 100
[feed]
FEED
[[layouts]]
name = "only"
[[layouts.items]]
name = "topic"
css = ".topic"
may_lack_counts = true
[[layouts.items.records]]
response = "*/api*"
each = "topics"
id = "id"
[layouts.items.fields]
id = [{ attribute = "data-id" }]
time = [{ attribute = "data-time" }]
reposted = [{ css = ".again" }]
views = [{ record = "views" }]
"""


def mole(feed: str) -> Definition:
    return load_definition("mole.toml", MOLE.replace("FEED", feed))


def topic(number: int, *, days: float = 0, inner: str = "") -> str:
    time = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    return f'<div class="topic" data-id="{number}" data-time="{time}">{inner}</div>'


def topics(*numbers: int) -> str:
    return "<!DOCTYPE html><html lang='en'><body>" + "".join(topic(number) for number in numbers)


# Each press brings two posts at once, and says what they are worth a while later.
LATE = """<!DOCTYPE html><html lang="en"><body><main></main><button class="more">more</button><script>
const main = document.querySelector("main"), button = document.querySelector("button");
let pressed = 0;
button.onclick = () => {
  pressed++;
  for (const id of [2 * pressed, 2 * pressed + 1]) {
    main.insertAdjacentHTML("beforeend", `<div class="topic" data-id=${id}></div>`);
  }
  FETCH
  if (pressed >= 3) button.remove();
};
main.insertAdjacentHTML("beforeend", '<div class="topic" data-id=1></div>');
</script>"""


def answer(*numbers: int, more: str = "") -> str:
    found = ", ".join(f'{{"id": {number}, "views": {number * 3}}}' for number in numbers)
    return f'HTTP/1.1 200 OK\nContent-Type: application/json\n\n{{"topics": [{found}]{more}}}'


@pytest.mark.browser
async def test_what_belongs_to_a_step_and_comes_after_it_is_waited_for(lane: Lane, serve: Serve) -> None:
    late = LATE.replace("FETCH", "const at = pressed; setTimeout(() => fetch(`/api?${at}`), 300);")
    address = await serve(
        {"/": late, **{f"/api?{step}": answer(2 * step, 2 * step + 1) for step in (1, 2)}, "/api?3": answer(6, 7)}
    )
    report = await collect(lane, f"{address}/", mole('more = "button.more"'), limit=50, timeout_seconds=30)
    assert [(int(post.id), post.views) for post in report.posts if post.id != "1"] == [
        (number, number * 3) for number in range(2, 8)
    ]
    assert report.warnings == ()


@pytest.mark.browser
async def test_the_records_of_posts_that_were_taken_are_not_kept(
    lane: Lane, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []

    class Watched(RecordBook):
        def forget(self, posts: Iterable[Post]) -> None:
            before = len(self)
            super().forget(posts)
            sizes.append((before, len(self)))

    monkeypatch.setattr("scraper.feed.RecordBook", Watched)
    address = await serve(
        {
            "/": LATE.replace("FETCH", "fetch(`/api?${pressed}`);"),
            **{f"/api?{step}": answer(2 * step, 2 * step + 1) for step in (1, 2, 3)},
        }
    )
    report = await collect(lane, f"{address}/", mole('more = "button.more"'), limit=7, timeout_seconds=30)
    assert (report.count, sizes) == (7, [(0, 0), (2, 0), (2, 0), (2, 0)])


@pytest.mark.browser
async def test_what_could_not_be_heard_is_told_once(lane: Lane, serve: Serve) -> None:
    address = await serve(
        {
            "/": LATE.replace("FETCH", "fetch(`/api?${pressed}`);"),
            "/api?1": answer(2, 3, more=', "x": "' + "x" * MOST_BODY_BYTES + '"'),
            "/api?2": "HTTP/1.1 200 OK\nContent-Type: application/json\n\n{broken",
            "/api?3": answer(6, 7),
        }
    )
    report = await collect(lane, f"{address}/", mole('more = "button.more"'), limit=50, timeout_seconds=30)
    assert [post.views for post in report.posts] == [None, None, None, None, None, 18, 21]
    broken, missed = report.warnings
    assert "no JSON" in broken
    assert missed == "1 responses were too many or too large to be kept"


@pytest.mark.browser
@pytest.mark.parametrize(("fetch", "rests"), (("", 0), ("fetch(`/api?${pressed}`);", 2)))
async def test_before_a_step_it_rests_if_the_one_before_has_fetched_something(
    lane: Lane, serve: Serve, fetch: str, rests: int
) -> None:
    address = await serve({"/": LATE.replace("FETCH", fetch), **{f"/api?{step}": answer() for step in (1, 2, 3)}})
    rested = 0

    async def rest() -> None:
        nonlocal rested
        rested += 1

    definition = mole('more = "button.more"')
    report = await collect(lane, f"{address}/", definition, limit=7, timeout_seconds=30, rest=rest)
    assert (report.count, rested) == (7, rests)


@pytest.mark.browser
@pytest.mark.parametrize(
    "second",
    (
        (topics(), Stop.END_OF_FEED, None, None),
        ("HTTP/1.1 404 Not Found\nContent-Type: text/html\n\nno such page", Stop.END_OF_FEED, None, None),
        ("<html><body><div class='topic'>in a new way</div>", Stop.TROUBLE, Outcome.SELECTOR_DRIFT, None),
        (
            "HTTP/1.1 429 Too Many\nContent-Type: text/html\nRetry-After: 40\n\nslow down",
            Stop.TROUBLE,
            Outcome.RATE_LIMITED,
            40.0,
        ),
        ("never", Stop.TIME, None, None),
    ),
    ids=("no post", "not found", "unreadable posts", "too many requests", "no answer"),
)
async def test_the_page_after_the_last_one_is_told_from_one_that_went_wrong(
    lane: Lane, serve: Serve, second: tuple[str, Stop, Outcome | None, float | None]
) -> None:
    page, stop, trouble, retry_after_seconds = second
    address = await serve({"/": topics(1, 2), "/?page=2": page})
    report = await collect(lane, f"{address}/", mole('pages = "?page={page}"'), limit=50, timeout_seconds=6)
    assert (report.outcome, ids(report.posts)) == (Outcome.OK, [1, 2])
    assert (report.stopped_by, report.trouble, report.retry_after_seconds) == (stop, trouble, retry_after_seconds)


@pytest.mark.browser
async def test_a_page_by_its_number_is_one_of_the_same_list(lane: Lane, serve: Serve) -> None:
    address = await serve(
        {
            "/list?cat=3&page=1": topics(1),
            "/list?cat=3&page=2": topics(2),
            "/list?cat=3&page=3": topics(),
            "/list?page=2": topics(99),
        }
    )
    definition = mole('pages = "?page={page}"')
    report = await collect(lane, f"{address}/list?cat=3&page=1", definition, limit=50, timeout_seconds=20)
    assert (report.stopped_by, ids(report.posts)) == (Stop.END_OF_FEED, [1, 2])


@pytest.mark.parametrize(
    ("url", "parameters", "address"),
    (
        ("https://f.example/list?cat=3", "?page=2", "https://f.example/list?cat=3&page=2"),
        ("https://f.example/list?page=1&cat=a%20b#top", "?page=2", "https://f.example/list?cat=a%20b&page=2"),
        ("https://f.example/list", "?page=2&size=9", "https://f.example/list?page=2&size=9"),
        ("https://f.example/list?p%61ge=1", "?page=2", "https://f.example/list?page=2"),
    ),
)
def test_parameters_take_the_place_of_their_own_kind(url: str, parameters: str, address: str) -> None:
    assert with_parameters(url, parameters) == address


def test_what_is_no_address_leads_nowhere() -> None:
    assert joined("https://f.example/", "http://[oops") is None
    assert joined("https://f.example/a", "b") == "https://f.example/b"


@pytest.mark.browser
async def test_a_next_link_that_is_no_address_ends_the_feed(lane: Lane, serve: Serve) -> None:
    address = await serve({"/": topics(1) + "<a rel=next href='http://[oops'>older</a>"})
    report = await collect(lane, f"{address}/", mole("next = 'a[rel=next]'"), limit=50, timeout_seconds=20)
    assert (report.stopped_by, report.trouble, ids(report.posts)) == (Stop.END_OF_FEED, None, [1])


@pytest.mark.browser
async def test_old_posts_that_somebody_reposted_do_not_end_a_feed(lane: Lane, serve: Serve) -> None:
    again = "".join(topic(number, days=90, inner="<i class='again'></i>") for number in (2, 3, 4))
    address = await serve(
        {"/": topics(1) + again, "/?page=2": topics(5), "/?page=3": topics() + topic(6, days=9) + topic(7, days=9)}
    )
    report = await collect(
        lane,
        f"{address}/",
        mole('pages = "?page={page}"'),
        limit=50,
        timeout_seconds=20,
        max_age=timedelta(days=7),
    )
    assert (report.stopped_by, ids(report.posts)) == (Stop.END_OF_FEED, [1, 5])


@pytest.mark.browser
async def test_a_reader_that_fails_in_a_step_is_a_trouble_and_what_was_collected_is_kept(
    lane: Lane, serve: Serve
) -> None:
    hostile = "document.querySelectorAll = () => { throw new Error('mine'); };"
    address = await serve({"/": LATE.replace("FETCH", hostile)})
    report = await collect(lane, f"{address}/", mole('more = "button.more"'), limit=50, timeout_seconds=20)
    assert (report.outcome, report.stopped_by, report.trouble) == (Outcome.OK, Stop.TROUBLE, Outcome.SELECTOR_DRIFT)
    assert "the reader failed" in report.reason
    assert ids(report.posts) == [1]


@pytest.mark.browser
async def test_a_crash_in_a_step_is_a_trouble_and_what_was_collected_is_kept(lane: CdpLane, serve: Serve) -> None:
    address = await serve({"/": LATE.replace("FETCH", "")})
    collected: list[int] = []

    async def crash(posts: Sequence[Post]) -> None:
        collected.extend(ids(posts))
        lane.line.tell("Page.crash")

    report = await collect(
        lane, f"{address}/", mole('more = "button.more"'), limit=50, timeout_seconds=20, on_batch=crash
    )
    assert (report.outcome, report.stopped_by, report.trouble) == (Outcome.OK, Stop.TROUBLE, Outcome.CRASHED)
    assert collected == [1]


@pytest.mark.browser
async def test_a_page_that_may_not_be_opened_is_the_trouble_that_is_told(lane: Lane, serve: Serve) -> None:
    address = await serve({"/": topics(1), "/?page=2": topics(2)})

    async def admit(_: str) -> Verdict | None:
        return Verdict(Outcome.RATE_LIMITED, "later", 30.0)

    report = await collect(
        lane, f"{address}/", mole('pages = "?page={page}"'), limit=50, timeout_seconds=20, admit=admit
    )
    assert (report.stopped_by, report.trouble, report.retry_after_seconds) == (
        Stop.TROUBLE,
        Outcome.RATE_LIMITED,
        30.0,
    )
