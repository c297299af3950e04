"""Evidence is read again as it was: by the site and the address that it names, to the same outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from browser_pool import Lease
from scraper.addresses import AddressPolicy
from scraper.definition import Definition
from scraper.definitions import Definitions, load_definition
from scraper.evidence import EvidenceFolder
from scraper.outcome import Outcome
from scraper.page import PageReport, open_page
from scraper.visit import Visitor, VisitSettings
from tests.needs import rest_slow
from tidegate.demo import DemoSite, Kind
from tidegate.demo.troubles import STATES
from tidegate.scrape import Input, understand

Serve = Callable[[str | bytes | dict[str, str]], Awaitable[str]]

WHARF = r"""
name = "wharf"
title = "Wharf"
hosts = ["127.0.0.1"]
schemes = ["http"]
post_id = '/p/(\d+)'
permalink = "/p/{id}"
[politeness]
requests_per_second = 100
[ready]
busy = ".busy"
[feed]
next = "a.next"
[[tell_tales]]
outcome = "login_wall"
reason = "it sent us to the login"
url = '/login$'
[[tell_tales]]
outcome = "consent_wall"
reason = "a dialog asks"
css = "dialog, .dialog"
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
required = ["id"]
[layouts.items.fields]
id = [{ attribute = "id" }]
"""
OK = "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<!doctype html><html lang=en>"
PAGES = {
    "/p/1": f"{OK}<p>Nobody knows this.",
    "/p/2": "HTTP/1.1 403 Forbidden\nContent-Type: text/html\n\n<p>No.",
    "/p/3": "HTTP/1.1 503 Service Unavailable\nContent-Type: text/html\n\n<p>Not now.",
    "/p/4": "HTTP/1.1 429 Too Many Requests\nContent-Type: text/html\nRetry-After: 0\n\n<p>Not now.",
    "/p/5": "HTTP/1.1 302 Found\nLocation: /login\n\n",
    "/login": f"{OK}<p>Who are you?",
    "/p/6": f"{OK}<link rel=stylesheet href=/style.css><p>Nobody knows this.<div class=dialog>May we?</div>",
    "/p/7": f"{OK}<link rel=stylesheet href=/style.css><p>Nobody knows this.<div class=faint><div class=dialog>?",
    "/p/8": f"{OK}<div class=dialog>May we?</div>",
    "/p/9": f"{OK}<p class=busy>One moment.",
    "/p/10": f"{OK}<article id=77>another post</article>",
    "/style.css": (
        "HTTP/1.1 200 OK\nContent-Type: text/css\n\nbody > .dialog { display: none } .faint { visibility: hidden }"
    ),
    "/list": f"{OK}<article id=1>a post</article><a class=next href=/more>more</a>",
    "/more": "HTTP/1.1 403 Forbidden\nContent-Type: text/html\n\n<p>No.",
}
OUTCOMES = {
    "/p/1": Outcome.SELECTOR_DRIFT,
    "/p/2": Outcome.BLOCKED,
    "/p/3": Outcome.INTERSTITIAL,
    "/p/4": Outcome.RATE_LIMITED,
    "/p/5": Outcome.LOGIN_WALL,
    "/p/6": Outcome.SELECTOR_DRIFT,
    "/p/7": Outcome.SELECTOR_DRIFT,
    "/p/8": Outcome.CONSENT_WALL,
    "/p/9": Outcome.TIMEOUT,
    "/p/10": Outcome.SELECTOR_DRIFT,
}


def visitor(folder: Path) -> Visitor:
    settings = VisitSettings(page_seconds=5, heed_robots=False, evidence=EvidenceFolder(folder))
    return Visitor(AddressPolicy(allow_private=True), settings)


def kept_in(folder: Path, definitions: Definitions) -> Input:
    """The one page that is kept, as `tidegate scrape` understands it without a word about where it is from."""
    [place] = folder.iterdir()
    return understand(str(place / "page.html"), definitions, site=None, url=None)


async def again(lane: Lease, folder: Path, definitions: Definitions) -> PageReport:
    page = kept_in(folder, definitions)
    return await open_page(lane, page.url, page.definition, timeout_seconds=20, saved=page.saved)


@pytest.mark.browser
@pytest.mark.parametrize("path", rest_slow(OUTCOMES))
async def test_a_page_that_was_not_what_was_asked_for_is_that_again(
    lane: Lease, serve: Serve, tmp_path: Path, path: str
) -> None:
    site, wharf = await serve(PAGES), load_definition("wharf.toml", WHARF)
    then = await visitor(tmp_path).read(lane, site + path, wharf)
    assert then.outcome is OUTCOMES[path], then.reason
    now = await again(lane, tmp_path, Definitions([*Definitions.builtin(), wharf]))
    assert (now.outcome, now.reason, now.expected_id) == (then.outcome, then.reason, then.expected_id)
    assert (now.status, now.final_url) == (then.status, then.final_url)


@pytest.mark.browser
@pytest.mark.parametrize("kind", rest_slow(STATES))
async def test_each_state_of_the_demo_site_is_itself_again(
    lane: Lease, demo_site: DemoSite, demo: Definition, tmp_path: Path, kind: Kind
) -> None:
    then = await visitor(tmp_path).read(lane, f"{demo_site.url}/?trouble={kind}", demo)
    if then.outcome is Outcome.EMPTY:
        return
    now = await again(lane, tmp_path, Definitions([demo]))
    assert (now.outcome, now.reason) == (then.outcome, then.reason)


@pytest.mark.browser
async def test_the_page_at_which_a_feed_went_wrong_is_read_again_as_that(
    lane: Lease, serve: Serve, tmp_path: Path
) -> None:
    site, wharf = await serve(PAGES), load_definition("wharf.toml", WHARF)
    then = await visitor(tmp_path).harvest(lane, f"{site}/list", wharf, limit=10)
    assert (then.outcome, then.trouble) == (Outcome.OK, Outcome.BLOCKED)
    now = await again(lane, tmp_path, Definitions([wharf]))
    assert (now.outcome, now.final_url, now.status) == (Outcome.BLOCKED, f"{site}/more", 403)


@pytest.mark.browser
async def test_a_site_that_is_not_known_any_more_is_told_by_the_address(
    lane: Lease, serve: Serve, tmp_path: Path
) -> None:
    site, wharf = await serve(PAGES), load_definition("wharf.toml", WHARF)
    await visitor(tmp_path).read(lane, f"{site}/p/1", wharf)
    page = kept_in(tmp_path, Definitions.builtin())
    assert (page.definition.name, page.url) == ("generic", f"{site}/p/1")
