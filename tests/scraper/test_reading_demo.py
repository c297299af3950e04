"""The demo site: what is read is what its world says, and its troubles have their names."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from browser_pool import Lane
from scraper.definitions import Definitions
from scraper.feed import Stop, collect
from scraper.outcome import Outcome
from scraper.page import open_page
from scraper.post import Post
from tidegate.demo import DemoSite
from tidegate.demo import Post as TruePost

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[DemoSite]:
    async with DemoSite(seed=11, posts=60) as one:
        yield one


def check(site: DemoSite, post: Post, true: TruePost) -> None:
    quoted = site.world.post(true.quoted_id) if true.quoted_id else None
    assert (post.id, post.author, post.author_name) == (true.id, true.author.handle, true.author.name)
    assert " ".join((post.text or "").split()) == " ".join(true.text.split())
    assert post.time == true.created_at.replace(microsecond=0)
    assert post.url == site.post_url(true)
    assert (post.pinned, post.promoted) == (true.is_pinned, true.is_promoted)
    metrics = true.metrics
    assert (post.replies, post.reposts, post.likes) == (metrics.replies, metrics.reposts, metrics.likes)
    assert (post.bookmarks, post.views) == (metrics.bookmarks, metrics.views)
    assert (post.quoted.author if post.quoted else None) == (quoted.author.handle if quoted else None)


async def test_every_post_of_its_feed_is_read_as_it_is(lane: Lane, definitions: Definitions, site: DemoSite) -> None:
    report = await collect(lane, f"{site.url}/", definitions.by_name("demo"), limit=40, timeout_seconds=40)
    assert report.stopped_by in {Stop.LIMIT, Stop.END_OF_FEED}
    assert len(report.posts) > 20
    for post in report.posts:
        check(site, post, site.world.post(post.id))


async def test_a_posts_own_page_gives_that_post(lane: Lane, definitions: Definitions, site: DemoSite) -> None:
    for true in site.world.feed().posts[:4]:
        report = await open_page(lane, site.post_url(true), definitions.by_name("demo"), timeout_seconds=20)
        assert report.post is not None, report.reason
        check(site, report.post, true)


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    (
        ("not_found", Outcome.NOT_FOUND),
        ("login_wall", Outcome.LOGIN_WALL),
        ("consent_wall", Outcome.CONSENT_WALL),
        ("rate_limited", Outcome.RATE_LIMITED),
        ("blocked", Outcome.BLOCKED),
        ("interstitial", Outcome.INTERSTITIAL),
        ("download", Outcome.HTTP_ERROR),
        ("redirect_loop", Outcome.INTERSTITIAL),
        ("changed_selectors", Outcome.SELECTOR_DRIFT),
        ("hang", Outcome.TIMEOUT),
        ("api_hang", Outcome.TIMEOUT),
    ),
)
async def test_each_trouble_has_its_outcome(
    lane: Lane, definitions: Definitions, site: DemoSite, trouble: str, outcome: Outcome
) -> None:
    url = f"{site.post_url(site.world.feed().posts[0])}?trouble={trouble}"
    report = await open_page(lane, url, definitions.by_name("demo"), timeout_seconds=4)
    assert (report.outcome, report.posts) == (outcome, ()), report.reason
