"""What definitions yielded, in the database."""

from __future__ import annotations

import asyncio

from scraper.drift import Place, Yield
from scraper.store import yields
from scraper.store.database import Database


def place(field: str, site: str = "yield") -> Place:
    return Place(site, "only", "post", field)


async def test_what_is_added_on_a_day_adds_up_and_sites_are_apart(database: Database) -> None:
    async with database.pool.acquire() as connection:
        await yields.add(connection, {place("likes"): Yield(10, 9), place("views"): Yield(10, 0)})
        await yields.add(connection, {place("likes"): Yield(5, 5), place("likes", "else"): Yield(7, 7)})
        await yields.add(connection, {})
    assert await yields.recent(database, "yield") == {place("likes"): Yield(15, 14), place("views"): Yield(10, 0)}
    assert await yields.recent(database, "else") == {place("likes", "else"): Yield(7, 7)}
    assert await yields.recent(database, "nowhere") == {}


async def test_what_is_long_past_does_not_count(database: Database) -> None:
    async with database.pool.acquire() as connection:
        await yields.add(connection, {place("likes", "past"): Yield(10, 9)})
        await connection.execute("update field_yields set day = day - 40 where site = 'past'")
    assert await yields.recent(database, "past") == {}
    assert await yields.recent(database, "past", days=60) == {place("likes", "past"): Yield(10, 9)}


async def test_many_who_add_at_once_lose_nothing_and_never_lock_each_other_out(database: Database) -> None:
    fields = [place(f"f{number}", "busy") for number in range(12)]

    async def add(order: int) -> None:
        async with database.pool.acquire() as connection, connection.transaction():
            await yields.add(connection, {one: Yield(1, 1) for one in (fields if order % 2 else fields[::-1])})

    await asyncio.gather(*(add(order) for order in range(20)))
    assert await yields.recent(database, "busy") == dict.fromkeys(fields, Yield(20, 20))
