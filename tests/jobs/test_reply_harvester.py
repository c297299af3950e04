"""Feeds, gone through in turn, and the conversations kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import ReplyHarvester, Run, Status
from scraper.addresses import AddressPolicy
from scraper.definitions import Definitions, load_definition
from scraper.store import opportunities, runs
from scraper.visit import Visitor, VisitSettings
from tests.browser_pool.web import Web, serving
from tests.politeness.test_taken_now import WHARF
from tidegate.demo import DemoSite

pytestmark = [pytest.mark.database, pytest.mark.browser]


def harvester_of(shop: Any, **settings: Any) -> ReplyHarvester:
    return ReplyHarvester(shop.database, shop.pool, shop.visitor, shop.definitions, shop.monitor, **settings)


async def test_what_is_kept_is_what_the_feed_shows_and_nothing_promoted(shop: Any) -> None:
    async with DemoSite(seed=5, posts=60, now=datetime.now(UTC)) as site:
        await opportunities.add_target(shop.database, "demo", f"{site.url}/")
        report = await shop.run(harvester_of(shop).job)
        kept = await opportunities.best(shop.database, limit=100)
    assert (report.status, report.outcomes) == (Status.SUCCESS, {"ok": 1})
    assert kept
    assert report.rows_written == len(kept)
    for row in kept:
        true = site.world.post(row["post_id"])
        assert not true.is_promoted
        assert (row["likes"], row["replies"], row["author"]) == (
            true.metrics.likes,
            true.metrics.replies,
            true.author.handle,
        )
    assert [row["score"] for row in kept] == sorted((row["score"] for row in kept), reverse=True)


async def test_the_target_that_waited_longest_comes_first(shop: Any, demo_site: DemoSite) -> None:
    urls = [f"{demo_site.url}/@{author.handle}" for author in demo_site.world.authors[:3]]
    for url in urls:
        await opportunities.add_target(shop.database, "demo", url)
    await shop.database.pool.execute("update targets set due_at = now() - interval '1 hour' where url = $1", urls[2])
    planned = [
        task async for tasks in harvester_of(shop).plan(Run(1, is_small=True, tell=lambda _: None)) for task in tasks
    ]
    assert [task.payload["url"] for task in planned] == [urls[2], urls[0], urls[1]]


async def test_a_target_that_was_harvested_has_its_next_turn_later(shop: Any, demo_site: DemoSite) -> None:
    await opportunities.add_target(shop.database, "demo", f"{demo_site.url}/")
    first = await shop.run(harvester_of(shop).job)
    again = await shop.run(harvester_of(shop).job)
    assert ((first.outcomes or {})["ok"], again.status, again.pages) == (1, Status.SUCCESS, 0)


async def test_that_a_target_shows_more_than_is_taken_is_told_by_its_run_and_its_page(
    shop: Any, demo_site: DemoSite
) -> None:
    url = f"{demo_site.url}/"
    await opportunities.add_target(shop.database, "demo", url, is_watched=True)
    report = await shop.run(harvester_of(shop, posts_a_target=7).job)
    said = "target.truncated: the first 7 posts were taken (TIDEGATE_POSTS_A_TARGET)"
    assert (report.status, report.reason) == (Status.SUCCESS, f"{url}: {said}")
    assert await shop.database.pool.fetchval("select reason from page_outcomes") == said
    assert await shop.database.pool.fetchval("select count(*) from posts") <= 7
    [shown] = await runs.recent(shop.database, limit=1, job="reply_harvester")
    assert shown["reason"] == report.reason


async def test_a_target_that_is_taken_whole_has_no_more_to_say(shop: Any, demo_site: DemoSite) -> None:
    author = demo_site.world.authors[0]
    await opportunities.add_target(shop.database, "demo", f"{demo_site.url}/@{author.handle}", is_watched=True)
    report = await shop.run(harvester_of(shop, posts_a_target=60).job)
    assert (report.status, report.reason) == (Status.SUCCESS, None)


async def test_what_a_watched_profile_shows_is_followed(shop: Any, demo_site: DemoSite) -> None:
    author = demo_site.world.authors[0]
    url = f"{demo_site.url}/@{author.handle}"
    await opportunities.add_target(shop.database, "demo", url, is_watched=True, is_harvested=False)
    await shop.run(harvester_of(shop).job)
    followed = await shop.database.pool.fetch("select post_id, url, state from posts")
    on_profile = [post for post in demo_site.world.posts if post.author == author and post.parent_id is None]
    own = {post.id: demo_site.post_url(post) for post in on_profile if not post.is_promoted}
    assert own
    assert {row["post_id"]: row["url"] for row in followed}.items() >= own.items()
    assert await opportunities.best(shop.database, limit=10) == []


async def test_a_blocked_author_is_no_opportunity(shop: Any) -> None:
    async with DemoSite(seed=5, posts=60, now=datetime.now(UTC)) as site:
        await opportunities.add_target(shop.database, "demo", f"{site.url}/")
        await shop.run(harvester_of(shop).job)
        first = (await opportunities.best(shop.database, limit=1))[0]["author"]
        await shop.database.pool.execute(
            "insert into blocked_authors (site, author) values ('demo', $1)", f"@{first.upper()}"
        )
        await shop.database.pool.execute("delete from opportunities")
        await shop.database.pool.execute("update targets set due_at = now()")
        await shop.run(harvester_of(shop).job)
    authors = {row["author"] for row in await opportunities.best(shop.database, limit=100)}
    assert authors
    assert first not in authors


async def test_a_feed_in_trouble_does_not_keep_the_next_from_being_read(shop: Any, demo_site: DemoSite) -> None:
    for path in ("/?trouble=login_wall", "/?trouble=api_500", "/"):
        await opportunities.add_target(shop.database, "demo", f"{demo_site.url}{path}")
    report = await shop.run(harvester_of(shop).job)
    assert report.status is Status.PARTIAL
    assert str(report.reason).startswith("2 of 3 pages were not read: ")
    assert report.outcomes is not None
    assert report.outcomes["ok"] == 1
    assert report.outcomes["login_wall"] == 1
    assert sum(report.outcomes.values()) == len((*report.outcomes,))


async def test_a_target_that_was_stopped_for_want_of_time_says_so(shop: Any) -> None:
    def page(times: int) -> str:
        return f"<!doctype html><article id=p{times}><b>{times}</b></article><a rel=next href=/more?{times}>more</a>"

    async with serving(Web()) as web:
        web.pages = {"/list": page, "/more": lambda times: page(times + len(web.asked))}
        url = f"{web.url}/list"
        await opportunities.add_target(shop.database, "wharf", url, is_watched=True)
        visitor = Visitor(AddressPolicy(allow_private=True), VisitSettings(feed_seconds=3))
        slow = load_definition("wharf.toml", WHARF.replace("requests_per_second = 100", "requests_per_second = 1"))
        shop = replace(shop, visitor=visitor, definitions=Definitions([slow]))
        report = await shop.run(harvester_of(shop, posts_a_target=10_000).job)
    reason = await shop.database.pool.fetchval("select reason from page_outcomes")
    assert reason.startswith("stopped: time")
    assert report.reason == f"{url}: {reason}"
