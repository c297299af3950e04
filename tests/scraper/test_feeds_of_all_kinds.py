"""Feeds that go on in the ways of the world: each is collected whole, by a definition alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import load_definition
from scraper.feed import Stop, collect
from scraper.post import Post

pytestmark = pytest.mark.browser

Serve = Callable[[dict[str, str]], Awaitable[str]]

QUAY = """
name = "quay"
title = "Quay"
hosts = ["127.0.0.1"]
post_id = '/q/(\\d+)'
permalink = "/q/{id}"
language = "en"
[saved]
base_url = "http://127.0.0.1/"
[politeness]
requests_per_second = 100
[feed]
FEED
[[layouts]]
name = "only"
[[layouts.items]]
name = "topic"
css = ".topic"
required = ["id", "views"]
[layouts.items.fields]
id = [{ css = "a", attribute = "href", pattern = '/q/(\\d+)' }]
title = [{ css = "a" }]
views = [{ css = ".views" }]
"""

COMMON = """<!DOCTYPE html><html lang="en"><style>body { margin: 0 } .topic { height: 60px }</style><body>
<script>
const topic = (i) => {
  const box = document.createElement("div");
  box.className = "topic";
  fill(box, i);
  return box;
};
const fill = (box, i) => {
  box.innerHTML = `<a href="/q/${i}">Topic ${i}</a> <span class="views">${i * 3}</span>`;
};
</script>"""

VIRTUAL = """<div id="box" style="height: 480px; overflow-y: auto">
<div id="all" style="position: relative"></div></div>
<script>
// Twelve elements that are used again and again: row i is always in element i % 12, whatever their order in the page.
const total = 300, box = document.getElementById("box"), all = document.getElementById("all"), rows = [];
all.style.height = total * 60 + "px";
for (let k = 0; k < 12; k++) {
  rows.push(topic(k));
  rows[k].style.cssText = "position: absolute; width: 100%";
  all.append(rows[k]);
}
const draw = () => {
  const first = Math.min(total - 12, Math.max(0, Math.floor(box.scrollTop / 60) - 2));
  for (let i = first; i < first + 12; i++) {
    fill(rows[i % 12], i + 1);
    rows[i % 12].style.top = i * 60 + "px";
  }
};
box.addEventListener("scroll", () => requestAnimationFrame(draw));
draw();
</script>"""

BUTTON = """<main></main><button class="more" onclick="more()">Show more</button><script>
let loaded = 0;
const main = document.querySelector("main"), button = document.querySelector(".more");
const add = () => { for (let k = 0; k < 7; k++) main.append(topic(++loaded)); };
const more = () => {
  button.disabled = true;
  setTimeout(() => { add(); button.disabled = false; if (loaded >= 42) button.remove(); }, 120);
};
add();
</script>"""

SLOW_BUTTON = BUTTON.replace("120", "1300")

REPLACED_BUTTON = """<main></main><p id="way"><button class="more" onclick="more()">Show more</button></p><script>
let loaded = 0;
const main = document.querySelector("main"), way = document.getElementById("way"), button = way.innerHTML;
const add = () => { for (let k = 0; k < 7; k++) main.append(topic(++loaded)); };
const more = () => {
  way.innerHTML = "loading";
  setTimeout(() => { add(); way.innerHTML = loaded < 21 ? button : ""; }, 900);
};
add();
</script>"""

SKELETONS = """<main></main><script>
// Twenty rows at a time come as empty shells with their ids, and each is filled by itself, the last ones first.
let loaded = 0;
const main = document.querySelector("main");
const add = () => {
  const rows = [];
  for (let k = 0; k < 20 && loaded < 60; k++) {
    const row = topic(++loaded), views = row.querySelector(".views"), text = views.textContent;
    views.textContent = "";
    rows.push([views, text]);
    main.append(row);
  }
  rows.reverse().forEach(([views, text], k) => setTimeout(() => { views.textContent = text; }, 150 + k * 20));
};
addEventListener("scroll", () => { if (scrollY + innerHeight > main.scrollHeight - 100) add(); });
add();
</script>"""

CLOCK = """<b id="clock"></b><script>
setInterval(() => { document.getElementById("clock").innerHTML = `<i>${Date.now()}</i>`; }, 50);
</script>"""

ONE_BY_ONE = """<main></main><a id="after"></a><script>
let loaded = 0;
const timer = setInterval(() => {
  document.querySelector("main").append(topic(++loaded));
  if (loaded < 20) return;
  clearInterval(timer);
  document.getElementById("after").outerHTML = "<a rel=next href='/?p=2'>older</a>";
}, 25);
</script>"""

STALLED = """<main></main><footer style="height: 900px">about us</footer><script>
// More comes only when the end comes into view again after it had been out of it.
let loaded = 0, wasOut = true;
const main = document.querySelector("main");
const add = () => { for (let k = 0; k < 10; k++) main.append(topic(++loaded)); };
add();
addEventListener("scroll", () => {
  const isIn = main.getBoundingClientRect().bottom < innerHeight / 2;
  if (isIn && wasOut && loaded < 50) setTimeout(add, 50);
  wasOut = !isIn;
});
</script>"""

ENDLESS = """<main></main><script>
const total = 10000, main = document.querySelector("main");
let loaded = 0;
const add = () => { for (let k = 0; k < 100 && loaded < total; k++) main.append(topic(++loaded)); };
const look = () => { if (scrollY + innerHeight > document.documentElement.scrollHeight - 600) add(); };
addEventListener("scroll", look);
add();
</script>"""


def quay(feed: str) -> Definition:
    return load_definition("quay.toml", QUAY.replace("FEED", feed))


def topics(numbers: Sequence[int], after: str = "") -> str:
    rows = "".join(
        f'<div class="topic"><a href="/q/{i}">Topic {i}</a> <span class="views">{i * 3}</span></div>' for i in numbers
    )
    return f"<!DOCTYPE html><html lang='en'><body>{rows}{after}"


def read(posts: Sequence[Post]) -> list[tuple[int, int | None]]:
    return sorted((int(post.id), post.views) for post in posts)


def true(total: int) -> list[tuple[int, int | None]]:
    return [(number, number * 3) for number in range(1, total + 1)]


@pytest.mark.parametrize(
    ("feed", "body", "total"),
    (
        ("", VIRTUAL, 300),
        ('more = "button.more"', BUTTON, 42),
        ('more = "button.more"', SLOW_BUTTON, 42),
        ('more = "button.more"', REPLACED_BUTTON, 21),
        ("", STALLED, 50),
        ("", CLOCK + STALLED, 50),
        ("", SKELETONS, 60),
    ),
    ids=(
        "virtual list",
        "button",
        "button that is off for a while",
        "button that is away for a while",
        "stalled",
        "stalled beside a clock",
        "skeletons",
    ),
)
async def test_one_page_that_brings_more(lane: Lane, serve: Serve, feed: str, body: str, total: int) -> None:
    address = await serve({"/": COMMON + body})
    report = await collect(lane, f"{address}/", quay(feed), limit=1000, timeout_seconds=60, idle_seconds=1.6)
    assert read(report.posts) == true(total), report.reason
    assert report.stopped_by in {Stop.END_OF_FEED, Stop.NOTHING_NEW}


async def test_a_page_that_fills_post_by_post_is_read_when_it_is_full(lane: Lane, serve: Serve) -> None:
    address = await serve({"/": COMMON + ONE_BY_ONE, "/?p=2": topics(range(21, 24))})
    report = await collect(lane, f"{address}/", quay("next = 'a[rel=next]'"), limit=1000, timeout_seconds=30)
    assert (report.stopped_by, read(report.posts)) == (Stop.END_OF_FEED, true(23))


async def test_a_feed_beside_a_clock_ends(lane: Lane, serve: Serve) -> None:
    address = await serve({"/": COMMON + CLOCK + topics(range(1, 6))})
    report = await collect(lane, f"{address}/", quay(""), limit=1000, timeout_seconds=60, idle_seconds=0.5)
    assert (report.stopped_by, read(report.posts)) == (Stop.NOTHING_NEW, true(5))


async def test_an_id_is_known_by_all_that_its_sources_say(lane: Lane, serve: Serve) -> None:
    first = "{ css = '.by', attribute = 'href', pattern = '/q/(\\d+)' }, "
    definition = load_definition("quay.toml", QUAY.replace("FEED", "").replace("id = [{", "id = [" + first + "{", 1))
    body = topics(range(1, 6)).replace('<div class="topic">', '<div class="topic"><i class="by" href="/u/ada"></i>')
    address = await serve({"/": body})
    report = await collect(lane, f"{address}/", definition, limit=1000, timeout_seconds=30, idle_seconds=0.5)
    assert read(report.posts) == true(5)


async def test_pages_by_their_number(lane: Lane, serve: Serve) -> None:
    address = await serve(
        {"/": topics(range(1, 6)), "/?p=2": topics(range(6, 11)), "/?p=3": topics(range(11, 13)), "/?p=4": topics(())}
    )
    definition = quay('pages = "?p={page}"')
    ready = definition.ready.model_copy(update={"when": "parsed"})
    definition = definition.model_copy(update={"ready": ready})
    report = await collect(lane, f"{address}/", definition, limit=1000, timeout_seconds=30)
    assert (report.stopped_by, read(report.posts)) == (Stop.END_OF_FEED, true(12))


async def test_pages_by_their_number_of_a_site_that_gives_its_last_page_again(lane: Lane, serve: Serve) -> None:
    pages = {f"/?p={number}": topics(range(6, 11)) for number in range(2, 9)}
    address = await serve({"/": topics(range(1, 6)), **pages})
    report = await collect(lane, f"{address}/", quay('pages = "?p={page}"'), limit=1000, timeout_seconds=30)
    assert (report.stopped_by, read(report.posts)) == (Stop.NOTHING_NEW, true(10))


async def test_pages_by_a_cursor(lane: Lane, serve: Serve) -> None:
    address = await serve(
        {
            "/": topics(range(1, 4), "<a rel=next href='/?after=x9'>older</a>"),
            "/?after=x9": topics(range(4, 7), "<a rel=next href='/?after=k2'>older</a>"),
            "/?after=k2": topics(range(7, 8), "<a rel=next href='/?after=k2'>older</a>"),
        }
    )
    report = await collect(lane, f"{address}/", quay("next = 'a[rel=next]'"), limit=1000, timeout_seconds=30)
    assert (report.stopped_by, read(report.posts)) == (Stop.END_OF_FEED, true(7))


async def test_a_layout_that_goes_on_in_its_own_way_does(lane: Lane, serve: Serve) -> None:
    address = await serve({"/": COMMON + BUTTON})
    definition = load_definition(
        "quay.toml",
        QUAY.replace("FEED", "next = 'a[rel=next]'").replace(
            'name = "only"', 'name = "only"\n[layouts.feed]\nmore = "button.more"'
        ),
    )
    report = await collect(lane, f"{address}/", definition, limit=1000, timeout_seconds=60, idle_seconds=1)
    assert (report.stopped_by, read(report.posts)) == (Stop.END_OF_FEED, true(42))


@pytest.mark.slow
async def test_ten_thousand_posts_pass_and_neither_the_page_nor_the_report_grows(lane: Lane, serve: Serve) -> None:
    address = await serve({"/": COMMON + ENDLESS})
    collected: list[tuple[int, int | None]] = []
    on_page: list[int] = []

    async def keep(posts: Sequence[Post]) -> None:
        collected.extend(read(posts))
        on_page.append(await lane.evaluate("() => document.querySelectorAll('.topic').length"))

    report = await collect(
        lane,
        f"{address}/",
        quay("removable = true"),
        limit=20_000,
        timeout_seconds=120,
        idle_seconds=1,
        on_batch=keep,
    )
    assert sorted(collected) == true(10_000), (report.stopped_by, report.reason, report.steps)
    assert (report.count, report.posts) == (10_000, ())
    assert max(on_page) < 700
