"""What definitions yielded, in the database."""

from __future__ import annotations

import asyncio

import pytest

from scraper.drift import Place, Yield, drifts
from scraper.store import yields
from scraper.store.database import Database

pytestmark = pytest.mark.database


def place(field: str, site: str = "yield") -> Place:
    return Place(site, "only", "post", field)


async def test_what_is_added_on_a_day_adds_up_and_sites_are_apart(database: Database) -> None:
    async with database.pool.acquire() as connection:
        await yields.add(connection, {place("likes"): Yield(10, 9, 2), place("views"): Yield(10, 1, 2)})
        await yields.add(connection, {place("likes"): Yield(5, 5, 1), place("likes", "else"): Yield(7, 7, 1)})
        await yields.add(connection, {})
        today = await connection.fetchval("select current_date")
    assert await yields.recent(database, "yield") == {
        place("likes"): Yield(15, 14, 3, today),
        place("views"): Yield(10, 1, 2, today),
    }
    assert await yields.recent(database, "else") == {place("likes", "else"): Yield(7, 7, 1, today)}
    assert await yields.recent(database, "nowhere") == {}


async def days(database: Database, site: str, found: dict[int, int]) -> None:
    """So many of 100 posts on 5 pages, so many days ago."""
    async with database.pool.acquire() as connection:
        for ago, of_day in sorted(found.items(), reverse=True):
            await yields.add(connection, {place("likes", site): Yield(100, of_day, 5)})
            await connection.execute(
                "update field_yields set day = day - $1::integer where site = $2 and day = current_date", ago, site
            )


async def test_a_field_that_is_gone_for_weeks_is_still_missed_and_its_last_day_is_known(database: Database) -> None:
    likes = place("likes", "gone")
    await days(database, "gone", {ago: 98 if ago >= 25 else 0 for ago in range(1, 53)})
    before = await yields.recent(database, "gone")
    async with database.pool.acquire() as connection:
        last = await connection.fetchval("select current_date - 25")
    assert before == {likes: Yield(2800, 2744, 140, last)}
    [drift] = drifts({likes: Yield(100, 0, 5)}, before)
    assert str(drift).endswith(f"last read on {last})")


async def test_a_field_that_is_half_gone_for_weeks_is_compared_with_the_weeks_before(database: Database) -> None:
    likes = place("likes", "half")
    await days(database, "half", {ago: 98 if ago >= 20 else 40 for ago in range(1, 40)})
    before = await yields.recent(database, "half")
    assert before[likes].share == 0.98
    assert drifts({likes: Yield(100, 40, 5)}, before)


async def test_a_field_that_was_never_read_or_very_long_ago_has_no_before(database: Database) -> None:
    await days(database, "past", {ago: 90 if ago > 84 else 0 for ago in (1, 2, 40, 83, 84, 90)})
    assert await yields.recent(database, "past") == {}
    before = await yields.recent(database, "past", remembered_days=100)
    assert (before[place("likes", "past")].posts, before[place("likes", "past")].found) == (100, 90)


async def test_many_who_add_at_once_lose_nothing_and_never_lock_each_other_out(database: Database) -> None:
    fields = [place(f"f{number}", "busy") for number in range(12)]

    async def add(order: int) -> None:
        async with database.pool.acquire() as connection, connection.transaction():
            await yields.add(connection, {one: Yield(1, 1, 1) for one in (fields if order % 2 else fields[::-1])})

    await asyncio.gather(*(add(order) for order in range(20)))
    busy = await yields.recent(database, "busy")
    assert {one: (seen.posts, seen.found, seen.pages) for one, seen in busy.items()} == dict.fromkeys(
        fields, (20, 20, 20)
    )
