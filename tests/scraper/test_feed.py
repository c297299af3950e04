"""Scrolling through a feed: what is collected, and what ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from browser_pool import Lane
from scraper.definitions import Definitions
from scraper.feed import Stop, collect
from scraper.outcome import Outcome
from scraper.post import Post

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


async def test_the_limit_is_kept_to_the_post(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": feed(60)})
    report = await collect(lane, f"{address}/", definitions.by_name("demo"), limit=21, timeout_seconds=30)
    assert (report.stopped_by, ids(report.posts)) == (Stop.LIMIT, list(range(1, 22)))


async def test_a_feed_that_brings_nothing_new_and_no_end_is_left(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/": feed(20, ends=False)})
    report = await collect(
        lane, f"{address}/", definitions.by_name("demo"), limit=500, timeout_seconds=30, idle_seconds=0.3
    )
    assert (report.stopped_by, ids(report.posts)) == (Stop.NOTHING_NEW, list(range(1, 21)))


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


async def test_when_the_time_is_over_what_was_collected_is_kept(
    lane: Lane, definitions: Definitions, serve: Serve
) -> None:
    address = await serve({"/": feed(20, ends=False)})
    report = await collect(
        lane, f"{address}/", definitions.by_name("demo"), limit=500, timeout_seconds=2.5, idle_seconds=60
    )
    assert report.stopped_by is Stop.TIME
    assert ids(report.posts) == list(range(1, 21))


async def test_a_feed_that_does_not_open_says_why(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": "<main data-state='login-wall'>"})
    report = await collect(lane, f"{address}/", definitions.by_name("demo"), limit=5, timeout_seconds=10)
    assert (report.outcome, report.stopped_by, report.posts) == (Outcome.LOGIN_WALL, Stop.TROUBLE, ())


async def test_an_empty_feed_is_empty_and_not_broken(lane: Lane, definitions: Definitions, serve: Serve) -> None:
    address = await serve({"/": "<main data-state='empty'>nothing here yet</main>"})
    report = await collect(lane, f"{address}/", definitions.by_name("demo"), limit=5, timeout_seconds=10)
    assert (report.outcome, report.stopped_by) == (Outcome.EMPTY, Stop.END_OF_FEED)


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
