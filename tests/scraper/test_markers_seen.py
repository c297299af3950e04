"""What a page shows in place of posts counts where a person sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import Definitions, load_definition
from scraper.feed import Stop, collect
from scraper.outcome import Outcome
from scraper.page import PageReport, open_page
from tests.needs import rest_slow

ReadHtml = Callable[..., Awaitable[PageReport]]
Serve = Callable[[dict[str, str]], Awaitable[str]]

WHARF = r"""
name = "wharf"
title = "Wharf"
hosts = ["127.0.0.1"]
schemes = ["http"]
post_id = '/p/(\d+)'
permalink = "/p/{id}"
[feed]
end = ".end"
next = "a.next"
[[tell_tales]]
outcome = "login_wall"
reason = "there is a form to log in with"
css = "input[autocomplete=username]"
[[tell_tales]]
outcome = "not_found"
reason = "the page says: gone"
css = "main"
text = "this post is gone"
[[tell_tales]]
outcome = "interstitial"
reason = "a check stands before the page"
css = "script[src*='/check/']"
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
required = ["id"]
[layouts.items.fields]
id = [{ attribute = "id" }]
"""
FORM = "<form><input type=text autocomplete=username><input type=password></form>"
GONE = "<p>This post is gone.</p>"

HIDDEN = (
    "<div hidden>{}</div>",
    "<div style='display:none'>{}</div>",
    "<style>.dialog {{ display: none }}</style><div class=dialog>{}</div>",
    "<div style='visibility:hidden'>{}</div>",
    "<div style='opacity:0'>{}</div>",
    "<dialog>{}</dialog>",
    "<details><summary>more</summary>{}</details>",
    "<div style='position:absolute;left:-9999px;width:300px'>{}</div>",
    "<div style='position:fixed;top:0;width:300px;left:0;transform:translateX(-100%)'>{}</div>",
    "<div style='height:0;overflow:hidden'>{}</div>",
)
SHOWN = (
    "<div>{}</div>",
    "<div style='opacity:0.5'>{}</div>",
    "<dialog open>{}</dialog>",
    "<div style='position:absolute;top:3000px'>{}</div>",
    "<div style='display:contents'>{}</div>",
    "<div style='height:0;overflow:hidden'><div style='position:fixed;top:0'>{}</div></div>",
)


def wharf() -> Definition:
    return load_definition("wharf.toml", WHARF)


def page(body: str) -> str:
    return f"<!doctype html><html lang=en><title>A page</title><body><main>{body}</main></html>"


async def outcome_of(lane: Lane, serve: Serve, body: str) -> Outcome:
    site = await serve({"/p/1": page(body + "<p>A layout that nobody described.</p>")})
    return (await open_page(lane, f"{site}/p/1", wharf(), timeout_seconds=20)).outcome


@pytest.mark.browser
async def test_a_form_that_nobody_sees_is_no_login_wall(lane: Lane, serve: Serve) -> None:
    everywhere = "".join(box.format(FORM) for box in HIDDEN)
    assert await outcome_of(lane, serve, everywhere) is Outcome.SELECTOR_DRIFT


@pytest.mark.browser
@pytest.mark.parametrize("box", rest_slow(SHOWN))
async def test_a_form_that_a_person_sees_is_a_login_wall(lane: Lane, serve: Serve, box: str) -> None:
    hidden = HIDDEN[0].format(FORM)
    assert await outcome_of(lane, serve, hidden + box.format(FORM)) is Outcome.LOGIN_WALL


@pytest.mark.browser
@pytest.mark.parametrize(
    ("box", "outcome"),
    (
        ("<div>{}</div>", Outcome.NOT_FOUND),
        (HIDDEN[0], Outcome.SELECTOR_DRIFT),
        pytest.param(HIDDEN[1], Outcome.SELECTOR_DRIFT, marks=pytest.mark.slow),
    ),
)
async def test_words_count_where_they_are_seen_within_what_is_seen(
    lane: Lane, serve: Serve, box: str, outcome: Outcome
) -> None:
    assert await outcome_of(lane, serve, box.format(GONE)) is outcome


@pytest.mark.browser
async def test_what_is_made_for_programs_counts_although_it_is_never_seen(lane: Lane, serve: Serve) -> None:
    assert await outcome_of(lane, serve, "<script src=/check/it.js></script>") is Outcome.INTERSTITIAL


@pytest.mark.browser
async def test_of_a_saved_page_the_markup_says_what_is_hidden(read_html: ReadHtml, definitions: Definitions) -> None:
    for box in ("<div aria-hidden=true>{}</div>", *HIDDEN[:2]):
        saved = page(box.format(FORM) + "<p>A layout that nobody described.</p>").encode()
        report = await read_html(definitions.by_name("x"), saved, "https://x.com/ada/status/1000000000000000001")
        assert report.outcome is Outcome.SELECTOR_DRIFT, box


@pytest.mark.browser
async def test_a_feed_ends_where_its_end_is_seen(lane: Lane, serve: Serve) -> None:
    grow = """<script>let n = 1; addEventListener('scroll', () => {
      if (++n <= 3) document.querySelector('main').insertAdjacentHTML('beforeend',
        `<article id=${n} style='display:block;height:2000px'>post</article>`);
      else document.querySelector('.end').hidden = false;
    })</script>"""
    first = "<article id=1 style='display:block;height:2000px'>post</article>"
    site = await serve({"/": page(first) + f"<p class=end hidden>That is all.</p>{grow}"})
    definition = load_definition("wharf.toml", WHARF.replace('next = "a.next"', ""))
    report = await collect(lane, f"{site}/", definition, limit=10, timeout_seconds=20)
    assert ([post.id for post in report.posts], report.stopped_by) == (["1", "2", "3"], Stop.END_OF_FEED)


@pytest.mark.browser
async def test_a_form_that_a_late_stylesheet_hides_is_no_login_wall(lane: Lane, serve: Serve) -> None:
    hides = "HTTP/1.1 200 OK\nContent-Type: text/css\n\n.dialog { display: none }"
    body = f"<div class=dialog>{FORM}</div><p>A layout that nobody described.</p>"
    site = await serve({"/p/1": page(f"<link rel=stylesheet href=/late.css>{body}"), "/late.css": hides})
    report = await open_page(lane, f"{site}/p/1", wharf(), timeout_seconds=20)
    assert report.outcome is Outcome.SELECTOR_DRIFT
