"""Beginning a run, splitting it into tasks and closing it, or saying why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from jobs import Ending, Job, Overlap, PutOff, Run, Status
from jobs.job import MoreLater
from jobs.manager import MOST_SKIPS, PLAN_ON
from jobs.queue import Queue
from jobs.task_runner import AGAIN
from scraper.drift import Place, Yield
from scraper.store import posts, runs, yields
from scraper.store.database import Database
from scraper.store.tasks import OVERDUE, UNPLANNED, Claims, NewTask
from tests.jobs.hands import PATIENCE_SECONDS, Box, Hand, empty_queue, fine, parts, reads

pytestmark = pytest.mark.database

TIDY = Job("tidy", 50, 10, fine)
LIKES = Place("drifting", "only", "post", "likes")


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
async def queue(database: Database) -> AsyncIterator[Queue]:
    async with empty_queue(database) as queue:
        yield queue


@pytest.fixture
def hand(database: Database, queue: Queue, box: Box) -> Any:
    """A worker that knows these jobs, by hand."""
    return lambda *jobs, worker="a": Hand(database, queue, box, *(jobs or (TIDY,)), worker=worker)


async def rows(database: Database) -> list[tuple[str, str | None]]:
    return [tuple(row) for row in await database.pool.fetch("select status, reason from job_runs order by id")]


async def planned(_: Run) -> AsyncIterator[Sequence[NewTask]]:
    async for some in parts(5):
        yield some


async def test_a_run_is_a_row_with_its_end(hand: Any, database: Database) -> None:
    report = await hand().run()
    assert (report.job, report.number, report.status, report.reason) == ("tidy", 1, Status.SUCCESS, None)
    assert (report.peak_bytes, report.outcomes) == (100 << 20, {})
    row = await database.pool.fetchrow("select job, status, worker, finished_at is not null from job_runs")
    assert row is not None
    assert tuple(row) == ("tidy", "success", "a", True)


async def test_a_job_without_memory_is_skipped_with_the_arithmetic(hand: Any, database: Database, box: Box) -> None:
    box.used_mb = 460
    report = await hand().run()
    assert (report.status, report.number) == (Status.SKIPPED, None)
    [(status, reason)] = await rows(database)
    assert status == "skipped"
    assert "50 MiB needed, but 512 MiB limit - 460 MiB used - 0 MiB promised - 51 MiB margin = 1 MiB" in str(reason)


async def test_a_wish_that_was_skipped_is_one_row_however_often_it_is_delivered(
    hand: Any, database: Database, box: Box
) -> None:
    box.used_mb = 460
    one = hand()
    ticket = await one.begin()
    box.used_mb = 100
    await one.begin(ticket=ticket)
    assert [status for status, _ in await rows(database)] == ["skipped"]


async def test_a_critical_job_without_memory_is_never_skipped_and_runs_in_its_smallest_form(
    hand: Any, box: Box
) -> None:
    box.used_mb = 460
    told: list[bool] = []

    async def plan(run: Run) -> AsyncIterator[Sequence[NewTask]]:
        told.append(run.is_small)
        yield [NewTask()]

    async def work(run: Run) -> Ending:
        told.append(run.is_small)
        return Ending(Status.SUCCESS)

    vital = hand(Job("vital", 50, 10, work, is_critical=True, plan=plan))
    assert [(await vital.run("vital")).status for _ in range(MOST_SKIPS + 1)] == [Status.SUCCESS] * (MOST_SKIPS + 1)
    assert set(told) == {True}


async def test_a_job_that_was_skipped_too_often_in_a_row_must_run(hand: Any, database: Database, box: Box) -> None:
    box.used_mb = 460
    one = hand()
    for _ in range(MOST_SKIPS + 1):
        await one.begin()
    assert [status for status, _ in await rows(database)] == ["skipped"] * MOST_SKIPS + ["running"]
    assert await database.pool.fetchval("select is_small from job_runs order by id desc limit 1")
    await database.pool.execute(
        "update job_runs set status = 'success', finished_at = now() where status = 'running'"
    )
    # It has run, so its patience is as it was at first.
    await one.begin()
    assert (await rows(database))[-1][0] == "skipped"


async def test_while_a_run_goes_on_the_next_one_is_skipped_and_says_what_is_left(
    hand: Any, database: Database
) -> None:
    one = hand(Job("tidy", 50, 10, fine, plan=planned))
    await one.begin()
    await one.manager.tasks.perform(1)
    await one.begin()
    status, reason = (await rows(database))[1]
    assert status == "skipped"
    assert str(reason).startswith("run 1, begun at ")
    assert str(reason).endswith(" UTC, is still going: 4 of 5 tasks are open")
    await one.perform_all()
    assert (await one.run()).status is Status.SUCCESS


async def test_a_job_whose_runs_wait_begins_when_the_one_before_is_over(hand: Any, database: Database) -> None:
    one = hand(Job("tidy", 50, 10, fine, overlap=Overlap.WAIT))
    await one.begin()
    ticket = uuid4()
    assert await one.manager.begin("tidy", ticket) == AGAIN
    assert len(await rows(database)) == 1
    await one.perform_all()
    await one.begin(ticket=ticket)
    await one.perform_all()
    assert (await one.report(ticket)).status is Status.SUCCESS


async def test_runs_of_two_jobs_go_on_at_once(hand: Any, database: Database) -> None:
    one = hand(TIDY, Job("other", 50, 10, fine))
    await one.begin()
    await one.begin("other")
    assert [status for status, _ in await rows(database)] == ["running", "running"]


async def test_a_wish_that_two_workers_get_at_once_is_one_run(hand: Any, database: Database) -> None:
    one, two = hand(), hand(worker="b")
    for n in range(1, 11):
        ticket = uuid4()
        await asyncio.gather(one.manager.begin("tidy", ticket), two.manager.begin("tidy", ticket))
        await one.begin(ticket=ticket)
        assert len(await one.open_tasks()) == 1
        await one.perform_all()
        assert [status for status, _ in await rows(database)] == ["success"] * n


async def test_wishes_for_the_same_job_that_two_workers_begin_at_once_are_a_run_and_a_skip(
    hand: Any, database: Database
) -> None:
    one, two = hand(), hand(worker="b")
    tickets = uuid4(), uuid4()
    await asyncio.gather(one.manager.begin("tidy", tickets[0]), two.manager.begin("tidy", tickets[1]))
    for ticket in tickets:
        await one.begin(ticket=ticket)
    assert sorted(status for status, _ in await rows(database)) == ["running", "skipped"]


async def test_a_job_that_is_not_known_here_is_left_to_others(hand: Any, database: Database) -> None:
    assert await hand().manager.begin("elsewhere", uuid4()) == AGAIN
    assert await rows(database) == []


async def test_a_run_whose_planner_died_is_planned_to_its_end_by_whoever_gets_its_ticket_again(
    hand: Any, database: Database
) -> None:
    await posts.follow(database, "demo", [(str(n), f"http://demo/{n}") for n in range(1, 5)])

    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        for row in range(1, 5):
            yield [NewTask({}, Claims.POSTS, [row])]

    one, ticket = hand(Job("tidy", 50, 10, fine, plan=plan)), uuid4()
    run = await runs.start(database, "tidy", ticket, worker="dead", deadline_seconds=10)
    assert run is not None
    # It had come as far as the first task, which somebody has done, and the second.
    await one.manager._add(one.manager.jobs["tidy"], run.number, [NewTask({}, Claims.POSTS, [1])])
    await one.manager._add(one.manager.jobs["tidy"], run.number, [NewTask({}, Claims.POSTS, [2])])
    assert await one.manager.report(ticket) is None
    await one.begin(ticket=ticket)
    assert len(await one.open_tasks()) == 4
    await one.perform_all()
    assert (await one.report(ticket)).status is Status.SUCCESS
    assert await database.pool.fetchval("select count(*) from tasks") == 4


async def test_a_run_of_one_task_whose_planner_died_has_one_task(hand: Any, database: Database) -> None:
    one, ticket = hand(), uuid4()
    run = await runs.start(database, "tidy", ticket, worker="dead", deadline_seconds=10)
    assert run is not None
    await one.manager._add(TIDY, run.number, [NewTask()])
    await one.begin(ticket=ticket)
    assert await one.open_tasks() == [1]


async def _breaks(reason: BaseException) -> None:
    raise reason


@pytest.mark.parametrize(
    ("trouble", "status", "reason"),
    (
        (PutOff("memory ran short after 2 rows"), Status.PARTIAL, "memory ran short after 2 rows"),
        (ValueError("no rows"), Status.PARTIAL, "it could not be planned to its end: ValueError: no rows"),
    ),
)
async def test_what_could_not_be_planned_is_told_and_what_was_is_done(
    hand: Any, database: Database, trouble: Exception, status: Status, reason: str
) -> None:
    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        yield [NewTask(), NewTask()]
        await _breaks(trouble)

    report = await hand(Job("tidy", 50, 10, fine, plan=plan)).run()
    assert (report.status, report.reason) == (status, reason)
    assert await database.pool.fetchval("select count(*) from tasks where state = 'done'") == 2


async def test_a_plan_that_takes_all_of_the_time_of_its_run_is_ended(hand: Any, database: Database) -> None:
    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        yield [NewTask()]
        await asyncio.Event().wait()

    await hand(Job("tidy", 50, 0.2, fine, plan=plan)).begin()
    [(_, reason)] = await rows(database)
    assert reason == UNPLANNED


def four_posts(half: asyncio.Event) -> Any:
    """A plan of four posts, one a task, of those that no task has claimed yet."""

    async def plan(run: Run) -> AsyncIterator[Sequence[NewTask]]:
        for row in range(1, 5):
            yield [NewTask({}, Claims.POSTS, [row])]
            half.set()

    return plan


async def test_a_plan_goes_no_further_ahead_of_its_tasks_than_its_job_says_and_holds_no_place_meanwhile(
    hand: Any, database: Database
) -> None:
    await posts.follow(database, "demo", [(str(n), f"http://demo/{n}") for n in range(1, 5)])
    one = hand(Job("tidy", 50, 30, fine, plan=four_posts(asyncio.Event()), tasks_ahead=2))
    ticket, most = uuid4(), 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await one.manager.begin("tidy", ticket) is not None:
            tasks = await one.open_tasks()
            most = max(most, len(tasks))
            # What a task has done is nobody's turn again in this run; here the posts are just taken away.
            for number in tasks:
                await database.pool.execute("update posts set state = 'paused' where task = $1", number)
                await one.manager.tasks.perform(number)
    assert most == 2
    await one.perform_all()
    assert (await one.report(ticket)).status is Status.SUCCESS
    assert await database.pool.fetchval("select count(*) from tasks") == 4


async def test_a_worker_that_stops_leaves_the_rest_of_its_plan_to_another(hand: Any, database: Database) -> None:
    await posts.follow(database, "demo", [(str(n), f"http://demo/{n}") for n in range(1, 5)])
    half, ticket = asyncio.Event(), uuid4()
    job = Job("tidy", 50, 30, fine, plan=four_posts(half))
    one, other = hand(job), hand(job, worker="b")

    async def stop() -> None:
        await half.wait()
        one.manager.stopping.set()

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(stop())
        assert await one.manager.begin("tidy", ticket) == timedelta(0)
    assert 0 < len(await other.open_tasks()) < 4
    assert await other.manager.begin("tidy", ticket) is None
    assert len(await other.open_tasks()) == 4
    await other.perform_all()
    assert (await other.report(ticket)).status is Status.SUCCESS


async def test_a_plan_that_has_more_for_later_is_not_over(hand: Any, database: Database) -> None:
    calls = 0

    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        nonlocal calls
        calls += 1
        for some in list[Sequence[NewTask]]():
            yield some
        if calls < 3:
            raise MoreLater

    one, ticket = hand(Job("tidy", 50, 30, fine, plan=plan)), uuid4()
    assert [await one.manager.begin("tidy", ticket) for _ in range(3)] == [PLAN_ON, PLAN_ON, None]
    assert (await one.report(ticket)).status is Status.SUCCESS


async def test_a_run_for_which_there_is_nothing_to_do_is_over_at_once(hand: Any) -> None:
    async def nothing(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        yield []

    one = hand(Job("tidy", 50, 10, fine, plan=nothing))
    assert (await one.report(await one.begin())).status is Status.SUCCESS


async def test_what_was_not_begun_when_the_deadline_of_its_run_is_over_is_dropped(
    hand: Any, database: Database
) -> None:
    one = hand(Job("tidy", 50, 10, fine, plan=planned))
    ticket = await one.begin()
    await one.manager.tasks.perform(1)
    await database.pool.execute("update job_runs set deadline_at = now()")
    # One is delivered, and the others are swept.
    await one.manager.tasks.perform(2)
    assert (await one.task(2))["state"] == "dropped"
    await one.manager.sweep()
    report = await one.report(ticket)
    assert (report.status, report.reason) == (Status.PARTIAL, f"4 tasks dropped: {OVERDUE}")


async def test_a_run_that_nobody_planned_in_time_is_closed(hand: Any, database: Database) -> None:
    ticket = uuid4()
    await runs.start(database, "tidy", ticket, worker="dead", deadline_seconds=0)
    one = hand()
    await one.manager.sweep()
    report = await one.report(ticket)
    assert (report.status, report.reason) == (Status.PARTIAL, UNPLANNED)


async def test_a_run_that_its_last_worker_did_not_come_to_close_is_closed_by_the_sweep(
    hand: Any, database: Database
) -> None:
    one = hand()
    ticket = await one.begin()
    await database.pool.execute("update tasks set state = 'done', ending = 'success', finished_at = now()")
    await one.manager.sweep()
    assert (await one.report(ticket)).status is Status.SUCCESS


async def test_a_run_is_closed_once_though_two_workers_do_its_last_tasks_at_once(
    hand: Any, database: Database
) -> None:
    both = asyncio.Barrier(2)

    async def work(run: Run) -> Ending:
        await reads(database, run, {LIKES: Yield(10, 9, 1)})
        await both.wait()
        return Ending(Status.SUCCESS)

    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        yield [NewTask(), NewTask()]

    job = Job("tidy", 50, 10, work, plan=plan)
    one, two = hand(job), hand(job, worker="b")
    for n in range(1, 6):
        ticket = await one.begin()
        first, second = await one.open_tasks()
        await asyncio.gather(one.manager.tasks.perform(first), two.manager.tasks.perform(second))
        assert (await one.report(ticket)).status is Status.SUCCESS
        assert await database.pool.fetchval("select sum(posts) from field_yields") == 20 * n


async def test_a_field_that_is_read_no_more_makes_a_run_partial(hand: Any, database: Database) -> None:
    async with database.connection() as connection:
        await yields.add(connection, {LIKES: Yield(2000, 1960, 100)})
        await connection.execute("update field_yields set day = day - 3")

    async def work(run: Run) -> Ending:
        await reads(database, run, {LIKES: Yield(100, 0, 5)})
        return Ending(Status.SUCCESS)

    report = await hand(Job("tidy", 50, 10, work)).run()
    assert report.status is Status.PARTIAL
    assert "likes" in str(report.reason)


async def test_a_worker_that_is_to_stop_begins_nothing(hand: Any, database: Database) -> None:
    one = hand()
    await one.begin()
    one.manager.stopping.set()
    assert await one.manager.begin("tidy", uuid4()) == timedelta(0)
    assert await one.manager.tasks.perform(1) == timedelta(0)
    assert [status for status, _ in await rows(database)] == ["running"]
    assert (await one.task())["starts"] == 0
