"""Targets in turn, and the conversations that were found at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from scraper.outcome import Outcome
from scraper.store import opportunities, runs
from scraper.store.database import Database
from scraper.store.errors import NothingWritten
from scraper.store.opportunities import Opportunity, Target

ONE = Opportunity(
    "demo", "1", "http://demo/1", "reef", "tides?", None, 5, 2, None, 0.5, "warm", "young", timedelta(1)
)


async def target(database: Database, url: str = "http://demo/@reef") -> Target:
    await opportunities.add_target(database, "demo", url)
    return next(one for one in await opportunities.targets_in_turn(database, limit=50) if one.url == url)


async def harvest(database: Database, where: Target, *found: Opportunity, outcome: Outcome = Outcome.OK) -> int:
    run = await runs.start(database, "reply_harvester")
    new = await opportunities.record_harvest(database, run, where, found, outcome=outcome, reason="test", seconds=1.0)
    await runs.finish(database, run, status="success", reason=None, peak_bytes=None)
    return new


async def test_a_conversation_found_again_is_one_row_with_its_newest_figures(database: Database) -> None:
    where = await target(database)
    assert await harvest(database, where, ONE) == 1
    assert await harvest(database, where, replace(ONE, likes=90, views=700, replies=None, score=0.9, tier="hot")) == 0
    (row,) = await opportunities.best(database, limit=5)
    figures = {name: row[name] for name in ("likes", "views", "replies", "tier", "author")}
    assert figures == {"likes": 90, "views": 700, "replies": 2, "tier": "hot", "author": "reef"}
    assert row["score"] == pytest.approx(0.9)


async def test_the_best_come_first_and_what_has_expired_does_not_come(database: Database) -> None:
    where = await target(database)
    await harvest(
        database,
        where,
        replace(ONE, post_id="low", score=0.1),
        replace(ONE, post_id="high", score=0.8),
        replace(ONE, post_id="old", score=0.9, keep=timedelta(seconds=-1)),
        replace(ONE, post_id="elsewhere", site="other", score=0.2),
    )
    assert [row["post_id"] for row in await opportunities.best(database, limit=5)] == ["high", "elsewhere", "low"]
    assert [row["post_id"] for row in await opportunities.best(database, limit=5, site="other")] == ["elsewhere"]
    assert [row["post_id"] for row in await opportunities.best(database, limit=1)] == ["high"]
    assert await opportunities.expire(database) == 1
    assert await database.pool.fetchval("select count(*) from opportunities") == 3


async def test_no_target_starves(database: Database) -> None:
    for name in "abc":
        await opportunities.add_target(database, "demo", f"http://demo/@{name}")
    order = []
    for _ in range(6):
        (turn,) = await opportunities.targets_in_turn(database, limit=1)
        order.append(turn.url[-1])
        await harvest(database, turn, outcome=Outcome.TIMEOUT)
    assert "".join(order) == "abcabc"


async def test_adding_a_target_twice_keeps_its_turn(database: Database) -> None:
    first = await target(database)
    await harvest(database, first)
    await opportunities.add_target(database, "demo", "http://demo/@other")
    await opportunities.add_target(database, "demo", first.url)
    urls = [one.url for one in await opportunities.targets_in_turn(database, limit=5)]
    assert urls == ["http://demo/@other", first.url]


async def test_a_target_that_is_forgotten_leaves_what_was_found_there(database: Database) -> None:
    where = await target(database)
    await harvest(database, where, ONE)
    assert await opportunities.forget_targets(database, "other") == 0
    assert await opportunities.forget_targets(database, "demo") == 1
    assert await opportunities.targets_in_turn(database, limit=5) == []
    assert len(await opportunities.best(database, limit=5)) == 1


async def test_what_was_found_at_a_target_that_is_gone_is_not_stored_by_half(database: Database) -> None:
    where = await target(database)
    await opportunities.forget_targets(database, "demo")
    with pytest.raises(NothingWritten, match="http://demo/@reef is not in the database"):
        await harvest(database, where)
    run = await runs.start(database, "reply_harvester")
    with pytest.raises(NothingWritten):
        await opportunities.record_harvest(database, run, where, [ONE], outcome=Outcome.OK, reason="", seconds=1.0)
    assert await database.pool.fetchval("select count(*) from opportunities") == 0
    assert await database.pool.fetchval("select count(*) from page_outcomes") == 0
