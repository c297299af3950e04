"""A feed goes on by its posts: what its page still waits for, and never gets, holds nothing up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import load_definition
from scraper.feed import Stop, collect
from scraper.outcome import Outcome
from scraper.page import open_page

Serve = Callable[[dict[str, str]], Awaitable[str]]

WHARF = r"""
name = "wharf"
title = "Wharf"
hosts = ["127.0.0.1"]
schemes = ["http"]
post_id = '/p/(\d+)'
permalink = "/p/{id}"
[politeness]
requests_per_second = 100
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
required = ["id"]
[layouts.items.fields]
id = [{ attribute = "id" }]
"""

LIST = """<!doctype html><html lang=en><body><main></main><script>
let last = 0, busy = false;
const add = () => { for (let i = 0; i < 5; i++) document.querySelector('main').insertAdjacentHTML('beforeend',
  `<article id=${++last} style="display:block;height:300px">post ${last}</article>`); };
add();
addEventListener('scroll', () => {
  const left = document.documentElement.scrollHeight - innerHeight - scrollY;
  if (busy || last >= 20 || !(WHEN)) return;
  busy = true;
  setTimeout(() => { add(); busy = false; }, 150);
});
</script>"""
AT_ITS_END = "left < 50"
A_LITTLE_ABOVE = "left > 30 && left < 400"
"""Only found by going back a little."""

HANGS = {
    "pixel": "<img src=/hang width=1 height=1>",
    "script": "<script async src=/hang></script>",
    "script in the way": "<script src=/hang></script>",
    "frame": "<iframe src=/hang></iframe>",
    "stylesheet": "<link rel=stylesheet href=/hang>",
}


def wharf() -> Definition:
    return load_definition("wharf.toml", WHARF)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("when", "what"),
    (
        (A_LITTLE_ABOVE, ("pixel", "script", "frame", "stylesheet")),
        pytest.param(AT_ITS_END, ("pixel", "script", "frame", "stylesheet"), marks=pytest.mark.slow),
        pytest.param(A_LITTLE_ABOVE, ("script in the way",), marks=pytest.mark.slow),
    ),
)
async def test_all_posts_come_although_something_on_the_page_never_does(
    lane: Lane, serve: Serve, when: str, what: tuple[str, ...]
) -> None:
    hangs = "".join(HANGS[one] for one in what)
    site = await serve({"/": LIST.replace("WHEN", when) + hangs, "/hang": "never"})
    report = await collect(lane, f"{site}/", wharf(), limit=100, timeout_seconds=40)
    assert (report.outcome, [int(post.id) for post in report.posts]) == (Outcome.OK, list(range(1, 21)))
    assert report.stopped_by is Stop.NOTHING_NEW, report.reason


@pytest.mark.browser
async def test_a_page_that_waits_for_pixels_and_frames_alone_is_judged_by_what_it_shows(
    lane: Lane, serve: Serve
) -> None:
    hangs = HANGS["pixel"] + HANGS["frame"]
    site = await serve({"/p/1": f"<!doctype html><p>Nothing that is known.</p>{hangs}", "/hang": "never"})
    report = await open_page(lane, f"{site}/p/1", wharf(), timeout_seconds=40)
    assert (report.outcome, report.evidence["stopped"]) == (Outcome.SELECTOR_DRIFT, "idle")


@pytest.mark.slow
@pytest.mark.browser
async def test_a_page_that_still_waits_for_its_script_is_waited_for(lane: Lane, serve: Serve) -> None:
    """A script that is slow to come may be what draws the page."""
    site = await serve({"/p/1": f"<!doctype html><p>Loading.</p>{HANGS['script']}", "/hang": "never"})
    report = await open_page(lane, f"{site}/p/1", wharf(), timeout_seconds=6)
    assert (report.outcome, report.evidence["stopped"]) == (Outcome.TIMEOUT, "deadline")


@pytest.mark.browser
async def test_a_post_is_read_from_a_document_that_never_ends(lane: Lane, serve: Serve) -> None:
    site = await serve(
        {"/p/1": f"<!doctype html><article id=1>post</article>{HANGS['script in the way']}", "/hang": "never"}
    )
    report = await open_page(lane, f"{site}/p/1", wharf(), timeout_seconds=40)
    assert (report.outcome, report.evidence["stopped"]) == (Outcome.OK, "ready")
