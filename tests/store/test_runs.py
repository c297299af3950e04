"""Job runs: one for each wish, one of a job at a time, and what a run wrote is counted from the rows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from scraper.drift import Place, Yield
from scraper.store import runs, tasks, yields
from scraper.store.database import Database
from scraper.store.errors import NothingWritten
from scraper.store.runs import EndedTasks
from scraper.store.tasks import NewTask
from tests.store.begun import begin, end

pytestmark = pytest.mark.database


async def test_what_a_run_wrote_is_counted_from_the_rows_and_not_told_by_it(database: Database) -> None:
    other, run = await begin(database, "reply_harvester"), await begin(database)
    post = await database.pool.fetchval(
        "insert into posts (site, post_id, url) values ('demo', '1', 'u') returning id"
    )
    for outcome in ("ok", "timeout", "timeout"):
        await database.fetch("record_outcome", run, "demo", "u", post, outcome, None, 0.1, None)
    await database.fetch("record_outcome", other, "demo", "u", post, "ok", None, 0.1, None)
    await database.pool.execute("insert into snapshots (post, run) values ($1, $2)", post, run)
    async with database.connection() as connection:
        for peak in (100, 123, 7):
            (task,) = await tasks.add(connection, run, "metrics_scraper", [NewTask()])
            await tasks.finish(connection, task, "done", ending="success", peak_bytes=peak)
    counted = await end(database, run)
    assert (counted.pages, counted.rows_written) == (3, 1)
    assert await runs.outcomes(database, run) == {"timeout": 2, "ok": 1}
    row = await database.pool.fetchrow(
        "select status, peak_bytes, finished_at >= started_at, pages, rows_written from job_runs where id = $1", run
    )
    assert row is not None
    assert tuple(row) == ("success", 123, True, 3, 1)


async def test_a_run_that_wrote_nothing_says_so(database: Database) -> None:
    counted = await end(database, await begin(database, "reply_harvester"))
    assert (counted.pages, counted.rows_written) == (0, 0)


async def test_a_run_ends_once(database: Database) -> None:
    run = await begin(database)
    await end(database, run, "failed", "first")
    with pytest.raises(NothingWritten, match=f"run {run} is not running"):
        await end(database, run, "success", "second")
    assert await database.pool.fetchval("select reason from job_runs") == "first"


async def test_of_a_job_one_run_is_open_at_a_time_however_many_begin_one_at_once(database: Database) -> None:
    started = await asyncio.gather(
        *(runs.start(database, "tidy", uuid4(), worker=str(n), deadline_seconds=9) for n in range(4))
    )
    assert len([run for run in started if run is not None]) == 1
    assert await runs.start(database, "other", uuid4(), worker="a", deadline_seconds=9) is not None


async def test_a_ticket_leads_to_one_run_even_when_that_is_over(database: Database) -> None:
    ticket = uuid4()
    run = await runs.start(database, "tidy", ticket, worker="a", deadline_seconds=9, is_small=True)
    known = await runs.of_ticket(database, ticket)
    assert run is not None
    assert known is not None
    assert run.left_seconds > known.left_seconds > 0
    assert replace(known, left_seconds=run.left_seconds) == run
    assert (run.is_over, run.is_planned, run.is_small) == (False, False, True)
    await runs.planned(database, run.number)
    await end(database, run.number)
    known = await runs.of_ticket(database, ticket)
    assert known is not None
    assert (known.number, known.is_over, known.is_planned, known.is_small) == (run.number, True, True, True)
    assert await runs.start(database, "tidy", ticket, worker="b", deadline_seconds=9) is None
    assert await runs.of_ticket(database, uuid4()) is None


async def test_a_job_that_was_put_off_is_one_row_with_its_reason_however_often_it_is_said(database: Database) -> None:
    ticket = uuid4()
    for _ in range(2):
        await runs.skip(database, "metrics_scraper", ticket, "300 MiB needed, but 12 MiB left", worker="a")
    rows = await database.pool.fetch("select job, status, reason, worker, finished_at is not null from job_runs")
    assert [tuple(row) for row in rows] == [
        ("metrics_scraper", "skipped", "300 MiB needed, but 12 MiB left", "a", True)
    ]
    report = await runs.report(database, ticket)
    assert report is not None
    assert (report["status"], report["reason"]) == ("skipped", "300 MiB needed, but 12 MiB left")


async def test_a_run_that_is_skipped_leaves_the_one_that_is_open(database: Database) -> None:
    run = await begin(database, "tidy")
    await runs.skip(database, "tidy", uuid4(), "still going", worker="a")
    open_run = await runs.open_run(database, "tidy")
    assert open_run is not None
    assert (open_run.number, open_run.tasks, open_run.open_tasks) == (run, 0, 0)


async def test_a_run_can_be_closed_when_it_is_planned_and_no_task_is_open(database: Database) -> None:
    run = await begin(database, "tidy")
    async with database.connection() as connection, connection.transaction():
        one, two = await tasks.add(connection, run, "tidy", [NewTask(), NewTask()])

        async def is_over() -> bool:
            return await runs.lock_if_over(connection, run) is not None

        await tasks.finish(connection, one, "done", ending="success")
        assert not await is_over()
        await tasks.finish(connection, two, "held", reason="it failed")
        assert not await is_over()
        await connection.execute("update job_runs set is_planned = true, reason = 'planned by half'")
        assert await runs.lock_if_over(connection, run) == ("tidy", "planned by half")
    assert await runs.unclosed(database) == [run]
    await end(database, run)
    assert await runs.unclosed(database) == []
    async with database.connection() as connection:
        assert await runs.lock_if_over(connection, run) is None


async def test_the_report_of_a_run_is_there_when_it_is_over(database: Database) -> None:
    ticket = uuid4()
    run = await runs.start(database, "tidy", ticket, worker="a", deadline_seconds=9)
    assert run is not None
    assert await runs.report(database, ticket) is None
    await end(database, run.number, "partial", "some is left")
    report = await runs.report(database, ticket)
    assert report is not None
    assert (report["id"], report["status"], report["reason"]) == (run.number, "partial", "some is left")


async def test_endings_are_counted_by_what_they_say_the_most_frequent_first(database: Database) -> None:
    run = await begin(database, "tidy")
    async with database.connection() as connection:
        numbers = await tasks.add(connection, run, "tidy", [NewTask()] * 4)
        await tasks.finish(connection, numbers[0], "held", reason="it failed")
        for number in numbers[1:3]:
            await tasks.finish(connection, number, "done", ending="success")
        await tasks.finish(connection, numbers[3], "dropped", reason="late")
        assert await runs.endings(connection, run) == [
            EndedTasks("done", "success", None, 2),
            EndedTasks("dropped", None, "late", 1),
            EndedTasks("held", None, "it failed", 1),
        ]


async def test_what_a_run_read_is_what_its_tasks_read_added_up(database: Database) -> None:
    run, other = await begin(database, "tidy"), await begin(database, "other")
    likes, views = Place("demo", "only", "post", "likes"), Place("demo", "only", "post", "views")
    async with database.connection() as connection:
        one, two = await tasks.add(connection, run, "tidy", [NewTask(), NewTask()])
        (foreign,) = await tasks.add(connection, other, "other", [NewTask()])
        await yields.add_to_task(connection, one, {likes: Yield(10, 9, 2)})
        await yields.add_to_task(connection, one, {likes: Yield(5, 5, 1), views: Yield(5, 0, 1)})
        await yields.add_to_task(connection, two, {likes: Yield(1, 1, 1)})
        await yields.add_to_task(connection, foreign, {likes: Yield(99, 99, 9)})
        assert await runs.yields(connection, run) == {likes: Yield(16, 15, 4), views: Yield(5, 0, 1)}


async def test_the_last_runs_come_the_latest_first_with_what_is_open_of_them(database: Database) -> None:
    done = await begin(database, "tidy")
    await end(database, done)
    run = await begin(database, "other")
    async with database.connection() as connection:
        one, _ = await tasks.add(connection, run, "other", [NewTask(), NewTask()])
        await tasks.finish(connection, one, "done", ending="success")
    rows = await runs.recent(database, limit=5)
    assert [(row["id"], row["status"], row["tasks"], row["open_tasks"]) for row in rows] == [
        (run, "running", 2, 1),
        (done, "success", 0, 0),
    ]
    assert [row["id"] for row in await runs.recent(database, limit=5, job="tidy")] == [done]
    assert [row["id"] for row in await runs.recent(database, limit=1)] == [run]
