"""A worker: one run now, or all that is due until told to stop, and then an end in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from jobs import Ending, Job, Retry, Run, Schedule, Status, Worker
from jobs.worker import worker_name
from scraper.store.database import Database
from scraper.store.tasks import NewTask
from tests.jobs.hands import PATIENCE_SECONDS, Box, empty_queue, fine, guard_of, over, parts, serving

ONCE = Retry(1)
OFTEN = Schedule(every=timedelta(seconds=1))


def worker_of(database: Database, *jobs: Job, at_once: int = 4, drain_seconds: float = PATIENCE_SECONDS) -> Worker:
    return Worker(database, guard_of(Box()), jobs, at_once=at_once, drain_seconds=drain_seconds, wait_seconds=0)


@pytest.fixture
async def queue_is_empty(database: Database) -> None:
    """What another test has left in the queue is no work of ours."""
    async with empty_queue(database):
        pass


async def ten(_: Run) -> AsyncIterator[Sequence[NewTask]]:
    async for some in parts(10):
        yield some


@asynccontextmanager
async def serving_on(database: Database, job: Job) -> AsyncIterator[Worker]:
    """The next worker, on the queue as it was left."""
    stop = asyncio.Event()
    async with worker_of(database, job) as worker, asyncio.TaskGroup() as group:
        group.create_task(worker.serve(stop, schedules=False))
        try:
            yield worker
        finally:
            stop.set()


def test_no_two_workers_have_the_same_name_even_in_one_process() -> None:
    assert worker_name() != worker_name()


@pytest.mark.database
@pytest.mark.usefixtures("queue_is_empty")
async def test_one_run_now_is_reported_when_it_is_over_and_the_next_one_is_another(database: Database) -> None:
    async with worker_of(database, Job("tidy", 50, 60, fine, plan=ten)) as worker:
        reports = [await worker.run("tidy") for _ in range(2)]
    assert [(report.job, report.number, report.status) for report in reports] == [
        ("tidy", 1, Status.SUCCESS),
        ("tidy", 2, Status.SUCCESS),
    ]
    assert await database.pool.fetchval("select count(*) from tasks where state = 'done'") == 20


@pytest.mark.database
async def test_a_job_that_hangs_is_ended_at_its_deadline_while_others_go_on(database: Database) -> None:
    began, others_are_done, saw_them = asyncio.Event(), asyncio.Event(), []

    async def hangs(run: Run) -> Ending:
        if run.number > 1:
            return Ending(Status.SUCCESS)
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            saw_them.append(others_are_done.is_set())
        raise AssertionError

    jobs = (Job("hangs", 50, 60, hangs, task_seconds=5, retry=ONCE), Job("tidy", 50, 60, fine, plan=ten))
    async with serving(database, *jobs) as (one,):
        hanging = await one.manager.ask("hangs")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await began.wait()
        assert (await over(one, await one.manager.ask("tidy"))).status is Status.SUCCESS
        others_are_done.set()
        report = await over(one, hanging)
        assert (report.status, report.reason) == (
            Status.FAILED,
            "1 task held: it failed 1 times: it was ended at its deadline of 5 s; what it had stored is kept",
        )
        assert saw_them == [True]
        # Its run is over, so it stands in the way of no other.
        assert (await over(one, await one.manager.ask("hangs"))).status is Status.SUCCESS


@pytest.mark.database
@pytest.mark.usefixtures("queue_is_empty")
async def test_until_it_is_told_to_stop_it_runs_what_is_due_and_nothing_that_is_not(database: Database) -> None:
    stop = asyncio.Event()
    ran: dict[str, int] = {"often": 0, "by_hand": 0}

    async def work(_: Run) -> Ending:
        ran["often"] += 1
        if ran["often"] == 3:
            stop.set()
        return Ending(Status.SUCCESS)

    async def never(_: Run) -> Ending:
        ran["by_hand"] += 1
        return Ending(Status.SUCCESS)

    jobs = (Job("often", 50, 60, work, schedule=OFTEN), Job("by_hand", 50, 60, never))
    async with asyncio.timeout(PATIENCE_SECONDS), worker_of(database, *jobs) as worker:
        await worker.serve(stop)
    assert ran == {"often": 3, "by_hand": 0}


@pytest.mark.database
@pytest.mark.usefixtures("queue_is_empty")
async def test_without_schedules_it_only_does_what_others_ask_for(database: Database) -> None:
    stop = asyncio.Event()
    job = Job("tidy", 50, 60, fine, schedule=OFTEN)
    async with worker_of(database, job) as worker, asyncio.TaskGroup() as group:
        group.create_task(worker.serve(stop, schedules=False))
        report = await over(worker, await worker.manager.ask("tidy"))
        stop.set()
    assert report.status is Status.SUCCESS
    assert await database.pool.fetchval("select count(*) from job_runs") == 1
    assert await database.pool.fetchval("select count(*) from schedules where rule <> 'never'") == 0


@pytest.mark.database
@pytest.mark.usefixtures("queue_is_empty")
async def test_told_to_stop_it_ends_what_is_at_work_takes_nothing_more_and_the_next_worker_does_the_rest(
    database: Database,
) -> None:
    stop = asyncio.Event()
    was_told: list[int] = []
    done: list[int] = []

    async def work(run: Run) -> Ending:
        if not done:
            async with asyncio.timeout(PATIENCE_SECONDS):
                # A run whose planning was broken off would be planned anew, and these tasks claim nothing.
                while not await database.pool.fetchval("select is_planned from job_runs"):  # noqa: ASYNC110 the database tells nobody
                    await asyncio.sleep(0.01)
                stop.set()
                while not run.is_stopping():  # noqa: ASYNC110 a job asks, it is not told
                    await asyncio.sleep(0)
            was_told.append(run.task)
        done.append(run.task)
        return Ending(Status.SUCCESS)

    job = Job("tidy", 50, 60, work, plan=ten)
    async with worker_of(database, job, at_once=2) as first:
        ticket = await first.manager.ask("tidy")
        await first.serve(stop, schedules=False)
        assert len(was_told) >= 1
        assert len(done) <= 2, "no more than it was at"
        assert await first.manager.report(ticket) is None
    async with serving_on(database, job) as second:
        report = await over(second, ticket)
    assert report.status is Status.SUCCESS
    assert sorted(done) == list(range(1, 11)), "each was done once"


@pytest.mark.database
@pytest.mark.usefixtures("queue_is_empty")
async def test_what_is_still_at_work_when_the_drain_is_over_is_cancelled_and_handed_on(database: Database) -> None:
    stop, cancelled = asyncio.Event(), []

    async def hangs(_: Run) -> Ending:
        stop.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        raise AssertionError

    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        worker_of(database, Job("tidy", 50, 60, hangs), drain_seconds=0.1) as first,
    ):
        ticket = await first.manager.ask("tidy")
        await first.serve(stop, schedules=False)
    assert cancelled == [True]
    async with serving_on(database, Job("tidy", 50, 60, fine)) as second:
        assert (await over(second, ticket)).status is Status.SUCCESS
    row = await database.pool.fetchrow("select failures, put_offs, deaths from tasks")
    assert row is not None
    assert tuple(row) == (0, 0, 0)
