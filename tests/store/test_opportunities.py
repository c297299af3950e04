"""Targets in turn, and the conversations that were found at them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from memory import MemoryMonitor
from scraper.outcome import Outcome
from scraper.store import opportunities, posts
from scraper.store.database import Database
from scraper.store.opportunities import Harvest, Opportunity, Target
from tests.store.begun import begin

pytestmark = pytest.mark.database

ONE = Opportunity(
    "demo", "1", "http://demo/1", "reef", "tides?", None, 5, 2, None, 0.5, "warm", "young", timedelta(1)
)


async def targets(database: Database, site: str | None = None) -> list[str]:
    """Whose turn it is, the one that has waited longest first."""
    due = opportunities.due_targets(database, site=site, rows_a_page=2, monitor=MemoryMonitor())
    return [row["url"] async for page in due for row in page]


async def target(database: Database, url: str = "http://demo/@reef", **kind: bool) -> Target:
    """A target as it is due now."""
    await opportunities.add_target(database, "demo", url, **kind)
    row = await database.pool.fetchrow("select * from targets where url = $1", url)
    assert row is not None
    return Target(row["id"], row["site"], url, row["due_at"], row["is_watched"], row["is_harvested"])


async def harvest(
    database: Database,
    where: Target,
    *found: Opportunity,
    outcome: Outcome = Outcome.OK,
    to_follow: Sequence[tuple[str, str]] = (),
    pause: timedelta = timedelta(0),
) -> int | None:
    given = Harvest(outcome, "test", 1.0, opportunities=found, to_follow=to_follow)
    run = await begin(database, "reply_harvester")
    return await opportunities.record_harvest(database, run, where, given, pause=pause)


async def wait_of(database: Database, where: Target) -> timedelta:
    """From the last harvest to the next, in whole seconds."""
    seconds = await database.pool.fetchval(
        "select round(extract(epoch from due_at - last_harvested_at))::integer from targets where id = $1", where.row
    )
    return timedelta(seconds=seconds)


async def test_a_conversation_found_again_is_one_row_with_its_newest_figures(database: Database) -> None:
    assert await harvest(database, await target(database), ONE) == 1
    again = replace(ONE, likes=90, views=700, replies=None, score=0.9, tier="hot")
    assert await harvest(database, await target(database), again) == 0
    (row,) = await opportunities.best(database, limit=5)
    figures = {name: row[name] for name in ("likes", "views", "replies", "tier", "author")}
    assert figures == {"likes": 90, "views": 700, "replies": 2, "tier": "hot", "author": "reef"}
    assert row["score"] == pytest.approx(0.9)


async def test_the_best_come_first_and_what_has_expired_does_not_come(database: Database) -> None:
    await harvest(
        database,
        await target(database),
        replace(ONE, post_id="low", score=0.1),
        replace(ONE, post_id="high", score=0.8),
        replace(ONE, post_id="old", score=0.9, keep=timedelta(seconds=-1)),
        replace(ONE, post_id="elsewhere", site="other", score=0.2),
    )
    assert [row["post_id"] for row in await opportunities.best(database, limit=5)] == ["high", "elsewhere", "low"]
    assert [row["post_id"] for row in await opportunities.best(database, limit=5, site="other")] == ["elsewhere"]
    assert [row["post_id"] for row in await opportunities.best(database, limit=1)] == ["high"]
    assert await opportunities.expire(database) == 1
    assert await opportunities.expire(database) == 0
    row = await database.pool.fetchrow("select state, closed_at is not null from opportunities where post_id = 'old'")
    assert row is not None
    assert tuple(row) == ("expired", True)


@pytest.mark.parametrize(
    ("state", "found_again"),
    (
        ("open", "open"),
        ("drafted", "drafted"),
        ("expired", "open"),
        ("answered", "answered"),
        ("rejected", "rejected"),
    ),
)
async def test_what_is_over_for_a_person_stays_over_when_it_is_found_again(
    database: Database, state: str, found_again: str
) -> None:
    await harvest(database, await target(database), ONE)
    await database.pool.execute("update opportunities set state = $1", state)
    assert await harvest(database, await target(database), replace(ONE, likes=90)) == 0
    row = await database.pool.fetchrow("select state, likes from opportunities")
    assert row is not None
    assert tuple(row) == (found_again, 5 if state in {"answered", "rejected"} else 90)


async def test_no_target_starves(database: Database) -> None:
    for name in "abc":
        await target(database, f"http://demo/@{name}")
    order = []
    for _ in range(6):
        turn, *_ = await targets(database)
        order.append(turn[-1])
        await harvest(database, await target(database, turn), outcome=Outcome.TIMEOUT)
    assert "".join(order) == "abcabc"


async def test_adding_a_target_twice_keeps_its_turn(database: Database) -> None:
    first = await target(database)
    await harvest(database, first)
    await target(database, "http://demo/@other")
    await database.pool.execute("update targets set due_at = now() - interval '1 hour' where url like '%other'")
    await target(database, first.url)
    assert await targets(database) == ["http://demo/@other", first.url]
    assert await targets(database, site="other") == []


async def test_a_target_rests_for_the_pause_and_longer_and_longer_where_it_fails(database: Database) -> None:
    minutes, waits = timedelta(minutes=15), []
    for outcome in (Outcome.OK, Outcome.EMPTY, *[Outcome.TIMEOUT] * 9, Outcome.OK):
        await harvest(database, where := await target(database), outcome=outcome, pause=minutes)
        waits.append(await wait_of(database, where) / minutes)
    assert waits == [1, 1, 1, 2, 4, 8, 16, 32, 64, 96, 96, 1]


async def test_a_harvest_that_is_stored_a_second_time_changes_nothing(database: Database) -> None:
    where = await target(database)
    assert await harvest(database, where, ONE, pause=timedelta(minutes=5)) == 1
    before = await database.pool.fetchrow("select * from targets")
    second = replace(ONE, post_id="2")
    assert await harvest(database, where, second, pause=timedelta(minutes=9)) is None
    assert await database.pool.fetchrow("select * from targets") == before
    assert await database.pool.fetchval("select array_agg(post_id) from opportunities") == ["1"]
    assert await database.pool.fetchval("select count(*) from page_outcomes") == 1


async def test_of_many_who_store_the_same_harvest_at_once_one_does(database: Database) -> None:
    where, run = await target(database), await begin(database, "reply_harvester")
    given = Harvest(Outcome.OK, "test", 1.0, opportunities=[ONE])
    stored = await asyncio.gather(
        *(opportunities.record_harvest(database, run, where, given, pause=timedelta(hours=1)) for _ in range(4))
    )
    assert sorted(stored, key=str) == [1, None, None, None]


async def test_what_a_watched_target_shows_is_followed_and_what_is_known_stays_as_it_is(database: Database) -> None:
    await posts.follow(database, "demo", [("1", "http://demo/1")])
    await database.pool.execute("update posts set state = 'given_up'")
    where = await target(database, is_watched=True, is_harvested=False)
    assert (where.is_watched, where.is_harvested) == (True, False)
    shown = [("1", "http://demo/moved"), ("2", "http://demo/2")]
    assert await harvest(database, where, to_follow=shown) == 0
    rows = await database.pool.fetch("select post_id, url, state from posts order by id")
    assert [tuple(row) for row in rows] == [
        ("1", "http://demo/1", "given_up"),
        ("2", "http://demo/2", "followed"),
    ]


async def test_a_target_that_was_held_has_its_turn_again_when_it_is_added_again(database: Database) -> None:
    where = await target(database)
    await database.pool.execute("update targets set held_reason = 'it kills', failures = 4")
    assert await targets(database) == []
    assert not await opportunities.add_target(database, "demo", where.url)
    assert await targets(database) == [where.url]
    assert await database.pool.fetchval("select failures from targets") == 0


async def test_a_target_that_is_forgotten_leaves_what_was_found_there(database: Database) -> None:
    await harvest(database, await target(database), ONE)
    assert await opportunities.forget_targets(database, "other") == 0
    assert await opportunities.forget_targets(database, "demo") == 1
    assert await targets(database) == []
    assert len(await opportunities.best(database, limit=5)) == 1


async def test_of_what_was_found_at_a_target_that_is_gone_nothing_is_stored(database: Database) -> None:
    where = await target(database)
    await opportunities.forget_targets(database, "demo")
    assert await harvest(database, where, ONE, to_follow=[("7", "http://demo/7")]) is None
    for table in ("opportunities", "page_outcomes", "posts"):
        assert await database.pool.fetchval(f"select count(*) from {table}") == 0  # noqa: S608


async def test_authors_are_blocked_by_site(database: Database) -> None:
    await database.pool.execute("insert into blocked_authors (site, author) values ('demo', 'a'), ('other', 'b')")
    assert await opportunities.blocked_authors(database, "demo") == frozenset({"a"})
