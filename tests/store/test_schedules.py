"""When each job runs next, kept in the database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from scraper.store import schedules
from scraper.store.database import Database
from tests.store.begun import begin, end

pytestmark = pytest.mark.database

HOUR = timedelta(hours=1)


def now(moment: datetime) -> datetime:
    return moment


def in_an_hour(moment: datetime) -> datetime:
    return moment + HOUR


async def due(database: Database, *jobs: str) -> list[str]:
    async with database.connection() as connection:
        return [row["job"] for row in await schedules.due(connection, jobs)]


async def test_a_schedule_begins_when_it_says_by_the_clock_of_the_database(database: Database) -> None:
    told: list[datetime] = []

    def first(moment: datetime) -> datetime:
        told.append(moment)
        return moment + HOUR

    before = await database.pool.fetchval("select clock_timestamp()")
    await schedules.declare(database, "tidy", "every 1h", first)
    after = await database.pool.fetchval("select clock_timestamp()")
    assert before <= told[0] <= after
    assert await database.pool.fetchval("select next_at from schedules") == told[0] + HOUR


async def test_a_schedule_that_is_as_before_keeps_its_time_and_one_that_changed_begins_anew(
    database: Database,
) -> None:
    await schedules.declare(database, "tidy", "every 1h", in_an_hour)
    assert await due(database, "tidy") == []
    await schedules.declare(database, "tidy", "every 1h", now)
    assert await due(database, "tidy") == []
    await schedules.declare(database, "tidy", "every 2h", now)
    assert await due(database, "tidy") == ["tidy"]


async def test_who_is_due_longest_comes_first_and_only_jobs_that_are_known_here(database: Database) -> None:
    for job, ago in (("a", 1), ("b", 3), ("c", 2)):
        await schedules.declare(database, job, "every 1h", now)
        await database.pool.execute(
            "update schedules set next_at = next_at - $2 * interval '1 hour' where job = $1", job, ago
        )
    assert await due(database, "a", "b", "elsewhere") == ["b", "a"]


async def test_what_one_has_taken_another_does_not_see(database: Database) -> None:
    await schedules.declare(database, "tidy", "every 1h", now)
    async with database.connection() as one, one.transaction():
        assert len(await schedules.due(one, ["tidy"])) == 1
        assert await due(database, "tidy") == []
        await schedules.advance(one, "tidy", await one.fetchval("select clock_timestamp() + interval '1 hour'"))
    assert await due(database, "tidy") == []


async def test_a_job_that_is_paused_is_not_due_and_one_without_a_schedule_can_not_be_paused(
    database: Database,
) -> None:
    await schedules.declare(database, "tidy", "every 1h", now)
    await schedules.note_skip(database, "only_by_hand", was_skipped=True)
    assert await schedules.pause(database, "tidy", is_paused=True)
    assert await due(database, "tidy") == []
    assert await schedules.pause(database, "tidy", is_paused=False)
    assert await due(database, "tidy") == ["tidy"]
    assert not await schedules.pause(database, "only_by_hand", is_paused=True)
    assert not await schedules.pause(database, "unknown", is_paused=True)


async def test_of_the_known_jobs_only_those_with_a_schedule_keep_one(database: Database) -> None:
    for job in ("a", "b", "of_another_program"):
        await schedules.declare(database, job, "every 1h", now)
    await schedules.forget_others(database, ["a"], ["a", "b"])
    assert sorted(await due(database, "a", "b", "of_another_program")) == ["a", "of_another_program"]


async def test_skips_are_counted_in_a_row(database: Database) -> None:
    assert await schedules.skips(database, "tidy") == 0
    for _ in range(2):
        await schedules.note_skip(database, "tidy", was_skipped=True)
    assert await schedules.skips(database, "tidy") == 2
    await schedules.note_skip(database, "tidy", was_skipped=False)
    assert await schedules.skips(database, "tidy") == 0


async def test_a_job_without_a_schedule_is_never_due_though_its_skips_are_counted(database: Database) -> None:
    await schedules.note_skip(database, "tidy", was_skipped=True)
    assert await due(database, "tidy") == []
    await schedules.declare(database, "tidy", "every 1h", now)
    assert await due(database, "tidy") == ["tidy"]
    assert await schedules.skips(database, "tidy") == 1


async def test_each_schedule_is_shown_with_its_last_run(database: Database) -> None:
    await schedules.declare(database, "tidy", "every 1h", now)
    await schedules.declare(database, "new", "every 2h", now)
    await end(database, await begin(database, "tidy"))
    last = await begin(database, "tidy")
    rows = await schedules.every(database)
    assert [(row["job"], row["rule"], row["run"], row["status"]) for row in rows] == [
        ("new", "every 2h", None, None),
        ("tidy", "every 1h", last, "running"),
    ]
