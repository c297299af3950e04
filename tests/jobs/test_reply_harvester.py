"""Feeds, gone through in turn, and the conversations kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs import ReplyHarvester, Status
from scraper.store import opportunities
from tidegate.demo import DemoSite


def harvester_of(shop: Any, **settings: Any) -> ReplyHarvester:
    return ReplyHarvester(shop.database, shop.pool, shop.visitor, shop.definitions, **settings)


async def test_what_is_kept_is_what_the_feed_shows_and_nothing_promoted(shop: Any) -> None:
    async with DemoSite(seed=5, posts=60, now=datetime.now(UTC)) as site:
        await opportunities.add_target(shop.database, "demo", f"{site.url}/")
        report = await shop.manager.run(harvester_of(shop).job)
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
    [first, *_] = await opportunities.targets_in_turn(shop.database, limit=1)
    await opportunities.record_harvest(shop.database, await _run(shop), first, [], **_ok())
    turn = await opportunities.targets_in_turn(shop.database, limit=3)
    assert [target.url for target in turn] == [*urls[1:], urls[0]]


async def test_a_feed_in_trouble_does_not_keep_the_next_from_being_read(shop: Any, demo_site: DemoSite) -> None:
    for path in ("/?trouble=login_wall", "/?trouble=api_500", "/"):
        await opportunities.add_target(shop.database, "demo", f"{demo_site.url}{path}")
    report = await shop.manager.run(harvester_of(shop).job)
    assert report.status is Status.SUCCESS
    assert report.outcomes is not None
    assert report.outcomes["ok"] == 1
    assert report.outcomes["login_wall"] == 1
    assert sum(report.outcomes.values()) == len((*report.outcomes,))


async def _run(shop: Any) -> int:
    row = await shop.database.fetchrow("start_run", "reply_harvester")
    return int(row["id"])


def _ok() -> dict[str, Any]:
    from scraper.outcome import Outcome  # noqa: PLC0415 only this needs it

    return {"outcome": Outcome.OK, "reason": "end_of_feed", "seconds": 1.0}
