"""Asking for runs when they are due: once for everybody, by the clock of the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs import Job, JobManager, Schedule
from jobs.queue import Queue
from jobs.scheduler import Scheduler
from scraper.store import alarms as alarm_store
from scraper.store import schedules
from scraper.store.database import Database
from scraper.store.locks import try_lock
from tests.jobs.hands import Box, empty_queue, fine, guard_of

pytestmark = pytest.mark.database

HOURLY = Schedule.parse("every 1h jitter 10m")


@pytest.fixture
async def queue(database: Database) -> AsyncIterator[Queue]:
    async with empty_queue(database) as queue:
        yield queue


def job(name: str = "tidy", schedule: Schedule | None = HOURLY, **kind: Any) -> Job:
    return Job(name, 50, 10, fine, schedule=schedule, **kind)


def scheduler(database: Database, queue: Queue, *jobs: Job, chance: float = 0.0) -> Scheduler:
    manager = JobManager(database, guard_of(Box()), queue, jobs, worker="a", wait_seconds=0)
    return Scheduler(database, queue, manager, jobs, worker="a", chance=lambda: chance)


async def wishes(database: Database) -> list[str]:
    """The jobs that somebody wished a run of, and nobody has taken up."""
    rows = await database.pool.fetch("select payload from pgqueuer where entrypoint = 'tidegate.run' order by id")
    return [row["payload"].decode().partition(" ")[0] for row in rows]


async def now_and_next(database: Database, name: str = "tidy") -> tuple[datetime, datetime]:
    row = await database.pool.fetchrow("select clock_timestamp() as now, next_at from schedules where job = $1", name)
    assert row is not None
    return row["now"], row["next_at"]


async def bring_forward(database: Database) -> None:
    """Time goes by until everything is due."""
    await database.pool.execute("update schedules set next_at = clock_timestamp() - interval '1 minute'")


async def test_a_job_that_is_due_is_asked_for_and_then_not_for_a_while(database: Database, queue: Queue) -> None:
    one = scheduler(database, queue, job(), job("by_hand", None))
    await one.declare()
    assert await one.tick() == ["tidy"]
    assert await one.tick() == []
    assert await wishes(database) == ["tidy"]


async def test_when_it_is_due_again_is_told_by_the_clock_of_the_database_with_the_jitter(
    database: Database, queue: Queue
) -> None:
    one = scheduler(database, queue, job(), chance=0.5)
    await one.declare()
    before, _ = await now_and_next(database)
    await one.tick()
    after, next_at = await now_and_next(database)
    assert before <= next_at - timedelta(minutes=65) <= after


async def test_however_many_schedulers_tick_at_once_a_run_is_asked_for_once(database: Database, queue: Queue) -> None:
    crew = [scheduler(database, queue, job(), job("other")) for _ in range(4)]
    for one in crew:
        await one.declare()
    for n in range(1, 4):
        asked = await asyncio.gather(*(one.tick() for one in crew))
        assert sorted(name for some in asked for name in some) == ["other", "tidy"]
        assert sorted(await wishes(database)) == ["other", "tidy"]
        assert await database.pool.fetchval("select count(*) from job_runs") == 0
        await database.pool.execute("truncate pgqueuer")
        if n < 3:
            await bring_forward(database)


async def test_a_wish_that_no_worker_took_stays_one_and_the_next_is_a_row_that_says_so(
    database: Database, queue: Queue
) -> None:
    one = scheduler(database, queue, job())
    await one.declare()
    await one.tick()
    await bring_forward(database)
    assert await one.tick() == []
    assert await wishes(database) == ["tidy"]
    [row] = await database.pool.fetch("select job, status, reason from job_runs")
    assert tuple(row) == ("tidy", "skipped", "the run asked for before has not begun yet: no worker is free")
    now, next_at = await now_and_next(database)
    assert next_at > now


async def test_what_was_missed_while_nobody_was_there_is_one_run(database: Database, queue: Queue) -> None:
    one = scheduler(database, queue, job())
    await one.declare()
    await database.pool.execute("update schedules set next_at = next_at - interval '30 days'")
    assert await one.tick() == ["tidy"]
    assert await one.tick() == []


async def test_a_rule_that_has_changed_begins_anew_and_one_that_has_not_goes_on(
    database: Database, queue: Queue
) -> None:
    one = scheduler(database, queue, job(), job("other"))
    await one.declare()
    await one.tick()
    changed = scheduler(database, queue, job(schedule=Schedule.parse("every 2h")), job("other"))
    await changed.declare()
    now, next_at = await now_and_next(database)
    assert next_at <= now
    now, next_at = await now_and_next(database, "other")
    assert next_at > now


async def test_a_job_that_has_no_schedule_any_more_is_not_asked_for(database: Database, queue: Queue) -> None:
    await scheduler(database, queue, job(), job("other")).declare()
    one = scheduler(database, queue, job(schedule=None), job("other"))
    await one.declare()
    assert await one.tick() == ["other"]


async def test_a_job_that_only_another_program_knows_is_left_to_it(database: Database, queue: Queue) -> None:
    await scheduler(database, queue, job("theirs")).declare()
    one = scheduler(database, queue, job())
    await one.declare()
    assert await one.tick() == ["tidy"]
    assert sorted(row["job"] for row in await schedules.every(database)) == ["theirs", "tidy"]


async def test_a_job_that_is_paused_is_not_asked_for_until_it_goes_on(database: Database, queue: Queue) -> None:
    one = scheduler(database, queue, job())
    await one.declare()
    await schedules.pause(database, "tidy", is_paused=True)
    assert await one.tick() == []
    # Being declared anew, as at each start of the program, does not wake it.
    await one.declare()
    assert await one.tick() == []
    await schedules.pause(database, "tidy", is_paused=False)
    assert await one.tick() == ["tidy"]


async def test_it_goes_on_after_whatever_went_wrong_and_stops_when_told_to(database: Database, queue: Queue) -> None:
    one, stopping = scheduler(database, queue, job()), asyncio.Event()
    await database.pool.execute("alter table schedules rename to gone")
    running = asyncio.create_task(one.run(stopping))
    try:
        await asyncio.sleep(0)
    finally:
        await database.pool.execute("alter table gone rename to schedules")
    async with asyncio.timeout(30):
        while await wishes(database) != ["tidy"]:  # noqa: ASYNC110 another task writes it into the database
            await asyncio.sleep(0.02)
        stopping.set()
        await running


@pytest.mark.parametrize("rest", ("off", "paused"))
async def test_a_job_that_rests_raises_no_alarm_and_clears_what_it_had(
    database: Database, queue: Queue, rest: str
) -> None:
    going = scheduler(database, queue, job(stale_after=timedelta(hours=1)))
    await going.declare()
    await database.pool.execute(
        "insert into job_runs (job, status, started_at, finished_at)"
        " values ('tidy', 'failed', now() - interval '9 hours', now() - interval '9 hours')"
    )
    await going.look()
    assert [row["kind"] for row in await alarm_store.raised(database)] == ["stale"]
    one = going
    if rest == "paused":
        assert await schedules.pause(database, "tidy", is_paused=True)
    else:
        one = scheduler(database, queue, job(schedule=None, stale_after=timedelta(hours=1)))
        await one.declare()
    await one.look()
    assert await alarm_store.raised(database) == []


async def test_a_schedule_that_another_worker_has_taken_out_is_written_down_again(
    database: Database, queue: Queue
) -> None:
    here, elsewhere = scheduler(database, queue, job()), scheduler(database, queue, job(schedule=None))
    await here.declare()
    await elsewhere.declare()
    assert await schedules.every(database) == []
    await here.declare_again()
    assert [row["job"] for row in await schedules.every(database)] == ["tidy"]
    assert await schedules.pause(database, "tidy", is_paused=True)
    await elsewhere.declare()
    await here.declare_again()
    [row] = await schedules.every(database)
    assert row["paused_at"] is not None


async def test_what_is_wrong_with_a_job_is_an_alarm_until_it_is_not_any_more(
    database: Database, queue: Queue
) -> None:
    one = scheduler(database, queue, job(stale_after=timedelta(hours=3)))
    await one.declare()
    await database.pool.execute(
        "insert into job_runs (job, status, started_at, finished_at)"
        " values ('tidy', 'failed', now() - interval '5 hours', now() - interval '4 hours')"
    )
    async with try_lock(database, "alarms", "look") as is_mine:
        assert is_mine
        await one.look()
        assert await alarm_store.raised(database) == []
    await one.look()
    await one.look()
    [alarm] = await alarm_store.raised(database)
    assert (alarm["job"], alarm["kind"]) == ("tidy", "stale")
    await database.pool.execute("insert into job_runs (job, status, finished_at) values ('tidy', 'success', now())")
    await one.look()
    assert await alarm_store.raised(database) == []
