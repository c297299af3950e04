"""Visiting the demo site with manners: what is not allowed is an outcome, and nothing is opened for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from browser_pool import Lease
from scraper.addresses import AddressPolicy
from scraper.definition import Definition
from scraper.definitions import load_definition
from scraper.evidence import EvidenceFolder
from scraper.feed import Stop
from scraper.outcome import Outcome
from scraper.pace import OwnPace
from scraper.visit import Visitor, VisitSettings
from tidegate.demo import DemoSite

pytestmark = pytest.mark.browser

Serve = Callable[[str | bytes | dict[str, str]], Awaitable[str]]
PRIVATE = AddressPolicy(allow_private=True)


def visitor(*, turn_seconds: float = 60.0, heed_robots: bool = True, policy: AddressPolicy = PRIVATE) -> Visitor:
    return Visitor(policy, VisitSettings(page_seconds=20, turn_seconds=turn_seconds, heed_robots=heed_robots))


async def test_a_post_that_may_be_read_is_read(lane: Lease, demo_site: DemoSite, demo: Definition) -> None:
    post = demo_site.world.feed(None).posts[0]
    report = await visitor().read(lane, demo_site.post_url(post), demo, expected_id=post.id)
    assert report.outcome is Outcome.OK, report.reason
    assert report.post is not None
    assert report.post.likes == post.metrics.likes


@pytest.mark.parametrize("url", ("http://127.0.0.1:9/", "file:///etc/passwd", "http://169.254.169.254/"))
async def test_an_address_that_is_refused_is_not_opened(lane: Lease, demo: Definition, url: str) -> None:
    careful = visitor(policy=AddressPolicy())
    report = await careful.read(lane, url, demo, expected_id="1")
    assert report.outcome is Outcome.REFUSED_URL
    assert (report.url, report.expected_id, report.posts) == (url, "1", ())
    feed = await careful.harvest(lane, url, demo, limit=5)
    assert (feed.outcome, feed.posts) == (Outcome.REFUSED_URL, ())
    assert lane.context.pages == 0


async def test_what_robots_txt_disallows_is_not_opened(lane: Lease, demo_site: DemoSite, demo: Definition) -> None:
    polite = visitor()
    url = f"{demo_site.url}/private/notes"
    assert (await polite.read(lane, url, demo)).outcome is Outcome.DENIED_BY_ROBOTS
    assert (await polite.harvest(lane, url, demo, limit=5)).outcome is Outcome.DENIED_BY_ROBOTS
    assert lane.context.pages == 0


async def test_robots_txt_is_heeded_unless_its_owner_says_otherwise(
    lane: Lease, demo_site: DemoSite, demo: Definition
) -> None:
    report = await visitor(heed_robots=False).read(lane, f"{demo_site.url}/private/notes", demo)
    assert report.outcome is Outcome.OK
    assert lane.context.pages == 1


async def test_a_host_that_asks_for_a_pause_gets_it_and_the_next_page_is_not_opened(
    lane: Lease, demo_site: DemoSite, demo: Definition
) -> None:
    polite = visitor(turn_seconds=5)
    first = await polite.read(lane, f"{demo_site.url}/?trouble=rate_limited:300", demo)
    assert (first.outcome, first.retry_after_seconds) == (Outcome.RATE_LIMITED, 300)
    second = await polite.read(lane, f"{demo_site.url}/", demo)
    assert second.outcome is Outcome.RATE_LIMITED
    assert second.retry_after_seconds is not None
    assert 290 < second.retry_after_seconds <= 300
    assert f"{urlsplit(demo_site.url).netloc} asked to be left alone" in second.reason
    feed = await polite.harvest(lane, f"{demo_site.url}/", demo, limit=5)
    assert feed.outcome is Outcome.RATE_LIMITED
    assert lane.context.pages == 1


async def test_a_pause_that_is_short_enough_is_waited_for(lane: Lease, demo_site: DemoSite, demo: Definition) -> None:
    waited: list[float] = []

    class Quick(OwnPace):
        """Tells how long to wait to the test, and not to wait to the visitor."""

        async def take_turn(self, host: str, *, pause_seconds: float, most_seconds: float) -> float | None:
            wait = await super().take_turn(host, pause_seconds=pause_seconds, most_seconds=most_seconds)
            assert wait is not None
            waited.append(wait)
            return 0.0

    polite = visitor(turn_seconds=60).sharing(Quick())
    await polite.read(lane, f"{demo_site.url}/?trouble=rate_limited:30", demo)
    report = await polite.read(lane, f"{demo_site.url}/light/@nobody/post/0", demo)
    assert report.outcome is Outcome.NOT_FOUND
    assert waited[0] == 0
    assert 20 < waited[1] <= 30


async def test_a_user_and_password_do_not_make_it_another_host(
    lane: Lease, demo_site: DemoSite, demo: Definition
) -> None:
    polite = visitor(turn_seconds=5)
    await polite.read(lane, f"{demo_site.url}/?trouble=rate_limited:300", demo)
    report = await polite.read(lane, demo_site.url.replace("http://", "http://reef:secret@") + "/", demo)
    assert report.outcome is Outcome.RATE_LIMITED
    assert "secret" not in report.reason


async def test_one_host_that_asks_for_a_pause_does_not_hold_up_another(
    lane: Lease, demo_site: DemoSite, demo: Definition
) -> None:
    polite = visitor(turn_seconds=5)
    await polite.read(lane, f"{demo_site.url}/?trouble=rate_limited:300", demo)
    other = demo_site.url.replace("127.0.0.1", "localhost")
    report = await polite.read(lane, f"{other}/light/@nobody/post/0", demo)
    assert report.outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize("trouble", ("redirect_private", "redirect_file"))
async def test_a_redirect_to_where_nobody_may_go_keeps_nothing(
    lane: Lease, demo_site: DemoSite, demo: Definition, trouble: str
) -> None:
    policy = AddressPolicy(allowed_hosts=frozenset({urlsplit(demo_site.url).netloc}))
    careful = Visitor(policy, VisitSettings(page_seconds=3))
    report = await careful.read(lane, f"{demo_site.url}/?trouble={trouble}", demo)
    assert report.outcome is not Outcome.OK
    assert report.posts == ()


async def test_a_site_that_is_down_is_an_outcome_and_no_error(lane: Lease, demo: Definition) -> None:
    report = await visitor().read(lane, "http://127.0.0.1:1/", demo)
    assert report.outcome is Outcome.CONNECTION_REFUSED
    assert lane.context.pages == 0


async def test_a_server_that_talks_nonsense_is_an_outcome_and_no_error(
    lane: Lease, demo: Definition, serve: Serve
) -> None:
    site = await serve("what is this\n\n")
    report = await visitor().read(lane, f"{site}/", demo)
    assert report.outcome is not Outcome.OK
    assert report.posts == ()


QUAY = """
name = "quay"
title = "Quay"
hosts = ["127.0.0.1", "localhost"]
schemes = ["http"]
post_id = '/q/(\\d+)'
permalink = "/q/{id}"
language = "en"
[politeness]
requests_per_second = 100
[feed]
next = "a[rel=next]"
[[layouts]]
name = "only"
[[layouts.items]]
name = "topic"
css = ".topic"
required = ["id"]
[layouts.items.fields]
id = [{ css = "a", attribute = "href", pattern = '/q/(\\d+)' }]
"""
HTML = "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<!DOCTYPE html><html lang=en>"
FIRST_PAGE = f"{HTML}<div class=topic><a href=/q/1>One</a></div><a rel=next href=/two>older</a>"
LAST_PAGE = f"{HTML}<div class=topic><a href=/q/2>Two</a></div>"


class Told(OwnPace):
    """What the pace was told, besides."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[tuple[str, float | None]] = []
        self.answers: list[str] = []

    async def back_off(self, host: str, told_seconds: float | None) -> float:
        self.refused.append((host, told_seconds))
        return await super().back_off(host, told_seconds)

    async def answered(self, host: str) -> None:
        self.answers.append(host)
        await super().answered(host)


def quay() -> Definition:
    return load_definition("quay.toml", QUAY)


def host_of(address: str) -> str:
    return urlsplit(address).netloc


@pytest.mark.parametrize(
    ("second", "told"),
    (
        ("429 Too Many Requests\nRetry-After: 300", 300.0),
        ("429 Too Many Requests", None),
        ("503 Service Unavailable\nRetry-After: 40", 40.0),
        ("500 Internal Server Error", None),
        ("403 Forbidden", None),
    ),
)
async def test_what_the_second_page_of_a_feed_says_counts_as_what_the_first_says(
    lane: Lease, serve: Serve, tmp_path: Path, second: str, told: float | None
) -> None:
    address = await serve({"/": FIRST_PAGE, "/two": f"HTTP/1.1 {second}\nContent-Type: text/html\n\n<p>no more"})
    pace = Told()
    settings = VisitSettings(feed_seconds=20, evidence=EvidenceFolder(tmp_path))
    report = await Visitor(PRIVATE, settings, pace).harvest(lane, f"{address}/", quay(), limit=50)
    assert (report.outcome, report.stopped_by, report.count) == (Outcome.OK, Stop.TROUBLE, 1)
    assert (pace.refused, pace.answers) == ([(host_of(address), told)], [])
    assert report.trouble is not None
    assert f"-{report.trouble.value}-" in report.evidence["kept"]
    assert "no more" in (Path(report.evidence["kept"]) / "page.html").read_text("utf-8")


async def test_a_feed_that_is_read_to_its_end_is_an_answer(lane: Lease, serve: Serve) -> None:
    address, pace = await serve({"/": FIRST_PAGE, "/two": LAST_PAGE}), Told()
    report = await visitor().sharing(pace).harvest(lane, f"{address}/", quay(), limit=50)
    assert (report.stopped_by, report.count) == (Stop.END_OF_FEED, 2)
    assert (pace.refused, pace.answers) == ([], [host_of(address)])


async def test_a_second_page_that_may_not_be_opened_is_no_refusal_of_the_host(
    lane: Lease, serve: Serve, tmp_path: Path
) -> None:
    robots = "HTTP/1.1 200 OK\nContent-Type: text/plain\n\nUser-agent: *\nDisallow: /two\n"
    address, pace = await serve({"/": FIRST_PAGE, "/two": LAST_PAGE, "/robots.txt": robots}), Told()
    settings = VisitSettings(feed_seconds=20, evidence=EvidenceFolder(tmp_path))
    report = await Visitor(PRIVATE, settings, pace).harvest(lane, f"{address}/", quay(), limit=50)
    assert (report.stopped_by, report.trouble) == (Stop.TROUBLE, Outcome.DENIED_BY_ROBOTS)
    assert pace.refused == []
    assert "kept" not in report.evidence


async def test_a_second_page_whose_turn_is_too_far_away_makes_it_no_further(lane: Lease, serve: Serve) -> None:
    address = await serve({"/": FIRST_PAGE, "/two": LAST_PAGE})
    pace = Told()
    slow = load_definition("quay.toml", QUAY.replace("requests_per_second = 100", "requests_per_second = 0.01"))
    report = await visitor(turn_seconds=5).sharing(pace).harvest(lane, f"{address}/", slow, limit=50)
    assert report.trouble is Outcome.RATE_LIMITED
    assert pace.refused == []


@pytest.mark.parametrize(
    ("status", "is_refusal"),
    (("403 Forbidden", True), ("500 Oops", True), ("503 Unavailable", True), ("404 Not Found", False)),
)
async def test_a_host_that_blocks_or_fails_is_left_alone_for_a_while(
    lane: Lease, serve: Serve, status: str, *, is_refusal: bool
) -> None:
    address, pace = await serve(f"HTTP/1.1 {status}\nContent-Type: text/html\n\n<p>no"), Told()
    polite = visitor(heed_robots=False).sharing(pace)
    await polite.read(lane, f"{address}/q/1", quay())
    assert pace.refused == ([(host_of(address), None)] if is_refusal else [])
    assert (await pace.wait_seconds(host_of(address)) > 50) is is_refusal


async def test_what_robots_txt_or_the_address_forbids_is_no_refusal_of_the_host(lane: Lease, serve: Serve) -> None:
    robots = "HTTP/1.1 200 OK\nContent-Type: text/plain\n\nUser-agent: *\nDisallow: /\n"
    address, pace = await serve(robots), Told()
    denied = await visitor().sharing(pace).read(lane, f"{address}/q/1", quay())
    refused = await visitor(policy=AddressPolicy()).sharing(pace).read(lane, f"{address}/q/1", quay())
    assert (denied.outcome, refused.outcome) == (Outcome.DENIED_BY_ROBOTS, Outcome.REFUSED_URL)
    assert (pace.refused, pace.answers) == ([], [])


async def test_a_refusal_after_a_redirect_counts_for_the_host_that_refused_as_well(lane: Lease, serve: Serve) -> None:
    busy = await serve("HTTP/1.1 429 Too Many Requests\nRetry-After: 200\nContent-Type: text/html\n\n<p>wait")
    door = await serve(f"HTTP/1.1 302 Found\nLocation: {busy}/q/1\n\n")
    pace = Told()
    polite = visitor(heed_robots=False, turn_seconds=5).sharing(pace)
    report = await polite.read(lane, f"{door}/q/1", quay())
    assert report.outcome is Outcome.RATE_LIMITED
    assert pace.refused == [(host_of(door), 200.0), (host_of(busy), 200.0)]
    opened = lane.context.pages
    assert (await polite.read(lane, f"{busy}/q/2", quay())).outcome is Outcome.RATE_LIMITED
    assert lane.context.pages == opened


async def test_capital_letters_do_not_make_it_another_host(lane: Lease, serve: Serve) -> None:
    address = await serve("HTTP/1.1 429 Too Many Requests\nContent-Type: text/html\n\n<p>wait")
    pace = Told()
    shouted = address.replace("http://127.0.0.1", "HTTP://LOCALHOST")
    await visitor(heed_robots=False).sharing(pace).read(lane, f"{shouted}/q/1", quay())
    assert pace.refused == [(host_of(address).replace("127.0.0.1", "localhost"), None)]


async def test_a_name_that_leads_elsewhere_by_the_time_that_robots_txt_is_fetched_is_not_asked(
    lane: Lease, serve: Serve, asked: list[str], demo: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    address = (await serve("HTTP/1.1 404 Not Found\n\n")).replace("127.0.0.1", "localhost")

    async def public(*_: object, **__: object) -> None:
        return None

    # The first look-up said that it is public; that of the fetch says 127.0.0.1.
    monkeypatch.setattr("scraper.visit.refusal", public)
    report = await visitor(policy=AddressPolicy()).read(lane, f"{address}/", demo)
    assert "a private address" in report.reason
    assert (any(asked), lane.context.pages) == (False, 0)
