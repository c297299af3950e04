"""Visiting the demo site with manners: what is not allowed is an outcome, and nothing is opened for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest

from browser_pool import Lease
from scraper.addresses import AddressPolicy
from scraper.definition import Definition
from scraper.outcome import Outcome
from scraper.pace import OwnPace
from scraper.visit import Visitor, VisitSettings
from tidegate.demo import DemoSite

Serve = Callable[[str | bytes], Awaitable[str]]
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
    assert report.outcome is Outcome.TIMEOUT
    assert lane.context.pages == 0


async def test_a_server_that_talks_nonsense_is_an_outcome_and_no_error(
    lane: Lease, demo: Definition, serve: Serve
) -> None:
    site = await serve("what is this\n\n")
    report = await visitor().read(lane, f"{site}/", demo)
    assert report.outcome is not Outcome.OK
    assert report.posts == ()
