"""From a feed of each site to an opportunity: what its pages show is enough for one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import ReplyHarvester, ScoringPolicy, Status
from jobs.scoring import opportunity
from scraper.definitions import Definitions
from scraper.post import Post
from scraper.store import opportunities
from scraper.store.opportunities import Opportunity
from tests.needs import rest_slow

pytestmark = [pytest.mark.database, pytest.mark.browser]

PAGES = Path(__file__).parents[1] / "scraper" / "pages"
FEEDS = {
    "bluesky": "profile.html",
    "discourse": "topic-client.html",
    "github": "list-2019.html",
    "hackernews": "newest-logged-in.html",
    "isso": "widget.html",
    "lobsters": "front-2013.html",
    "mastodon": "timeline-client.html",
    "reddit": "shreddit-list.html",
    "x": "profile-german.html",
    "youtube": "watch-with-scripts.html",
}
MICRODATA = """<!doctype html><html lang="en"><title>Notes</title><body><article itemscope
itemtype="https://schema.org/SocialMediaPosting"><a itemprop="url" href="/generic/">A note</a>
<p itemprop="articleBody">A note about the tide</p><meta itemprop="datePublished" content="2026-01-02T03:04:05Z">
<div itemprop="interactionStatistic" itemscope itemtype="https://schema.org/InteractionCounter">
<meta itemprop="interactionType" content="https://schema.org/LikeAction"><meta itemprop="userInteractionCount"
content="160"></div></article></body></html>"""


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server that answers for all sites at once: `/x`, whatever comes after it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        site = (await reader.readline()).decode().split()[1].split("/")[1]
        while (await reader.readline()).strip():
            pass
        html = (PAGES / site / FEEDS[site]).read_bytes() if site in FEEDS else MICRODATA.encode()
        status = "404 Not Found" if site == "robots.txt" else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n".encode() + html)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


# GitHub's list goes on at its own address; the first comments of the widget have more votes against than for.
ENOUGH = {"github": 1, "isso": 12}
ANY_AGE = ScoringPolicy(min_text=0, max_age=timedelta(days=10_000))


def an_hour_later(post: Post, now: datetime, policy: ScoringPolicy, blocked: frozenset[str]) -> Opportunity | str:
    """What is made of a post an hour after it was written: the pages are of other years."""
    written = post.time if post.time is not None else post.time_range.earliest if post.time_range else now
    return opportunity(post, written + timedelta(hours=1), policy, blocked)


@pytest.mark.parametrize("site", rest_slow((*FEEDS, "generic")))
async def test_a_feed_yields_an_opportunity(
    shop: Any, address: str, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.reply_harvester.opportunity", an_hour_later)
    own = Definitions.builtin().by_name(site)
    here = {"hosts": ("127.0.0.1",), "schemes": ("http",), "block": ("https://*",), "paths": ""}
    polite = own.politeness.model_copy(update={"requests_per_second": 50.0})
    definitions = Definitions([own.model_copy(update={**here, "politeness": polite})])
    await opportunities.add_target(shop.database, site, f"{address}/{site}/")
    job = ReplyHarvester(
        shop.database, shop.pool, shop.visitor, definitions, shop.monitor, policy=ANY_AGE,
        posts_a_target=ENOUGH.get(site, 3),
    ).job  # fmt: skip
    report = await shop.run(job)
    kept = await opportunities.best(shop.database, limit=10)
    assert (report.status, report.outcomes) == (Status.SUCCESS, {"ok": 1}), report
    assert kept
    assert {row["site"] for row in kept} == {site}
