"""Doing a task: it is over, put off or failed, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tenacity import wait_fixed

from jobs import Ending, Job, PutOff, Retry, Run, Status
from jobs.queue import Queue
from jobs.task_runner import AGAIN, MOST_PUT_OFFS
from scraper.outcome import Outcome
from scraper.store import posts
from scraper.store.database import Database
from scraper.store.tasks import DEATHS, Claims, NewTask
from tests.jobs.hands import Box, Hand, empty_queue, fine, parts

pytestmark = pytest.mark.database

ONCE = Retry(1)
TWICE = Retry(2, wait_fixed(7))


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
    return lambda *jobs, worker="a": Hand(database, queue, box, *jobs, worker=worker)


def tidy(work: Any, **kind: Any) -> Job:
    return Job("tidy", 50, 10, work, **kind)


def raising(error: BaseException) -> Any:
    """Work that fails."""

    async def work(_: Run) -> Ending:
        raise error

    return work


async def test_a_task_is_told_what_it_was_planned_with_and_tells_of_its_pages(
    database: Database, queue: Queue, box: Box
) -> None:
    told: list[Run] = []
    heard: list[Outcome] = []

    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        async for some in parts(2):
            yield some

    async def work(run: Run) -> Ending:
        told.append(run)
        run.tell(Outcome.OK)
        return Ending(Status.SUCCESS)

    one = Hand(database, queue, box, tidy(work, plan=plan))
    one.manager.tasks._tell = heard.append
    await one.run()
    assert [(run.number, run.task, run.payload, run.is_small) for run in told] == [
        (1, 1, {"part": 0}, False),
        (1, 2, {"part": 1}, False),
    ]
    assert heard == [Outcome.OK, Outcome.OK]


async def test_a_task_that_is_delivered_again_when_it_is_over_is_not_done_again(hand: Any) -> None:
    times: list[int] = []

    async def work(run: Run) -> Ending:
        times.append(run.task)
        return Ending(Status.SUCCESS)

    one = hand(tidy(work))
    await one.run()
    assert await one.manager.tasks.perform(1) is None
    assert await one.manager.tasks.perform(999) is None
    assert times == [1]


async def test_what_fails_is_tried_as_its_job_says_and_then_held_with_the_reason(hand: Any) -> None:
    one = hand(tidy(raising(ValueError("no number")), retry=TWICE))
    ticket = await one.begin()
    assert await one.manager.tasks.perform(1) == timedelta(seconds=7)
    row = await one.task()
    assert (row["state"], row["failures"], row["put_offs"], row["worker"], row["reason"]) == (
        "open",
        1,
        0,
        None,
        "ValueError: no number",
    )
    assert await one.manager.tasks.perform(1) is None
    report = await one.report(ticket)
    assert report.status is Status.FAILED
    assert report.reason == "1 task held: it failed 2 times: ValueError: no number"


async def test_one_task_that_fails_keeps_no_other_from_being_done(hand: Any) -> None:
    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        async for some in parts(3):
            yield some

    async def work(run: Run) -> Ending:
        if run.payload["part"] == 0:
            raise ValueError("no number")
        return Ending(Status.SUCCESS)

    report = await hand(tidy(work, plan=plan, retry=ONCE)).run()
    assert report.status is Status.PARTIAL
    assert "1 task held" in str(report.reason)
    assert "ValueError: no number" in str(report.reason)


async def test_an_error_of_a_group_of_tasks_is_told_by_its_innermost_one(hand: Any) -> None:
    async def work(_: Run) -> Ending:
        async with asyncio.TaskGroup() as group:
            group.create_task(raising(ZeroDivisionError("no rows"))(_))
        raise AssertionError

    report = await hand(tidy(work, retry=ONCE)).run()
    assert "ZeroDivisionError: no rows" in str(report.reason)


@pytest.mark.parametrize(
    "ending", (Ending(Status.PARTIAL, "some is left"), Ending(Status.FAILED, "nothing is there"))
)
async def test_what_the_work_says_of_its_end_is_what_the_run_says(hand: Any, ending: Ending) -> None:
    async def work(_: Run) -> Ending:
        return ending

    report = await hand(tidy(work)).run()
    assert (report.status, report.reason) == (ending.status, ending.reason)


async def test_a_task_that_hangs_is_ended_at_its_deadline(hand: Any) -> None:
    ended: list[bool] = []

    async def work(_: Run) -> Ending:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    report = await hand(tidy(work, task_seconds=0.05, retry=ONCE)).run()
    assert report.status is Status.FAILED
    assert "it was ended at its deadline" in str(report.reason)
    assert ended == [True]


async def test_what_is_put_off_is_tried_again_and_has_not_failed(hand: Any) -> None:
    pause = timedelta(seconds=9)
    one = hand(tidy(raising(PutOff("no lease", pause)), retry=ONCE))
    await one.begin()
    for n in range(1, 4):
        assert await one.manager.tasks.perform(1) == pause
        row = await one.task()
        assert (row["state"], row["put_offs"], row["failures"], row["reason"]) == ("open", n, 0, "no lease")


@pytest.mark.parametrize(
    "trouble", (ConnectionRefusedError("refused"), asyncpg.AdminShutdownError("going down"), TimeoutError())
)
async def test_while_the_database_is_away_nothing_counts_against_a_task(hand: Any, trouble: Exception) -> None:
    one = hand(tidy(raising(trouble), retry=ONCE))
    await one.begin()
    assert await one.manager.tasks.perform(1) == AGAIN
    row = await one.task()
    assert (row["state"], row["put_offs"], row["failures"]) == ("open", 0, 0)
    assert row["reason"].startswith("the database: ")


async def test_a_task_whose_page_was_open_when_a_worker_died_is_done_alone(hand: Any, database: Database) -> None:
    await posts.follow(database, "demo", [(str(n), f"http://demo/{n}") for n in range(1, 4)])
    at_work, beside = set[int](), dict[int, int]()

    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        yield [NewTask({}, Claims.POSTS, [row]) for row in (1, 2, 3)]

    async def work(run: Run) -> Ending:
        at_work.add(run.task)
        await asyncio.sleep(0.05)
        beside[run.task] = max(beside.get(run.task, 0), len(at_work))
        at_work.discard(run.task)
        return Ending(Status.SUCCESS)

    one = hand(tidy(work, plan=plan))
    await one.begin()
    await database.pool.execute("update posts set worker_deaths = 1 where id = 2")
    await asyncio.gather(*(one.manager.tasks.perform(number) for number in (1, 2, 3)))
    assert beside[2] == 1
    assert len(beside) == 3


async def test_a_task_that_is_delivered_again_to_the_worker_that_is_at_it_is_done_once(hand: Any) -> None:
    begun, go_on, times = asyncio.Event(), asyncio.Event(), 0

    async def work(_: Run) -> Ending:
        nonlocal times
        times += 1
        begun.set()
        await go_on.wait()
        return Ending(Status.SUCCESS)

    one = hand(tidy(work))
    ticket = await one.begin()
    first = asyncio.create_task(one.manager.tasks.perform(1))
    await begun.wait()
    assert await one.manager.tasks.perform(1) == AGAIN
    go_on.set()
    assert (await first, await one.manager.tasks.perform(1), times) == (None, None, 1)
    assert (await one.report(ticket)).status is Status.SUCCESS


async def test_a_file_that_a_job_misses_is_its_own_failure_and_not_the_databases(hand: Any) -> None:
    report = await hand(tidy(raising(FileNotFoundError("no list of topics")), retry=ONCE)).run()
    assert report.status is Status.FAILED
    assert "FileNotFoundError: no list of topics" in str(report.reason)


async def test_a_task_without_memory_is_put_off_with_the_arithmetic_until_it_must_run(hand: Any, box: Box) -> None:
    told: list[bool] = []

    async def work(run: Run) -> Ending:
        told.append(run.is_small)
        return Ending(Status.SUCCESS)

    one = hand(tidy(work))
    ticket = await one.begin()
    box.used_mb = 460
    for n in range(1, MOST_PUT_OFFS + 1):
        assert await one.manager.tasks.perform(1) is not None
        row = await one.task()
        assert (row["put_offs"], row["failures"]) == (n, 0)
        assert "50 MiB needed, but 512 MiB limit - 460 MiB used" in row["reason"]
    assert await one.manager.tasks.perform(1) is None
    assert told == [True]
    assert (await one.report(ticket)).status is Status.SUCCESS


async def test_tasks_in_their_smallest_form_run_one_at_a_time(hand: Any, box: Box) -> None:
    box.used_mb = 460
    at_work, most = 0, 0

    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        async for some in parts(4):
            yield some

    async def work(_: Run) -> Ending:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        for _turn in range(10):
            await asyncio.sleep(0)
        at_work -= 1
        return Ending(Status.SUCCESS)

    one = hand(tidy(work, plan=plan, is_critical=True))
    ticket = await one.begin()
    await asyncio.gather(*(one.manager.tasks.perform(number) for number in await one.open_tasks()))
    assert (await one.report(ticket)).status is Status.SUCCESS
    assert most == 1


async def test_a_worker_that_is_stopped_hands_its_tasks_on_as_they_are(hand: Any, database: Database) -> None:
    began = asyncio.Event()

    async def hangs(_: Run) -> Ending:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    one, other = hand(tidy(hangs)), hand(tidy(fine), worker="b")
    ticket = await one.begin()
    performing = asyncio.create_task(one.manager.tasks.perform(1))
    await began.wait()
    one.manager.stopping.set()
    one.manager.tasks.abandon()
    assert await performing == timedelta(0)
    row = await one.task()
    assert (row["state"], row["worker"], row["failures"], row["put_offs"], row["deaths"]) == ("open", None, 0, 0, 0)
    await other.perform_all()
    assert (await other.report(ticket)).status is Status.SUCCESS
    assert (await one.task())["deaths"] == 0


async def test_a_task_that_is_cancelled_from_outside_is_cancelled(hand: Any) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work(_: Run) -> Ending:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    one = hand(tidy(work))
    await one.begin()
    performing = asyncio.create_task(one.manager.tasks.perform(1))
    await began.wait()
    performing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await performing
    async with asyncio.timeout(10):
        await ended.wait()
    # Whoever gets it next finds it as a dead worker leaves it.
    assert (await one.task())["state"] == "open"


async def test_a_task_at_which_three_workers_died_is_held_and_its_run_goes_on(hand: Any, database: Database) -> None:
    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        yield [NewTask(), NewTask()]

    one = hand(tidy(fine, plan=plan))
    ticket = await one.begin()
    await database.pool.execute("update tasks set worker = 'dead', deaths = $1 where id = 1", DEATHS - 1)
    await one.perform_all()
    report = await one.report(ticket)
    assert (report.status, report.reason) == (Status.PARTIAL, "1 task held: 3 workers died at it")


async def test_a_page_that_kills_its_worker_three_times_is_held_by_name_and_the_rest_of_its_task_is_done(
    hand: Any, database: Database
) -> None:
    await posts.follow(database, "demo", [(str(n), f"http://demo/{n}") for n in range(1, 4)])
    done: list[int] = []

    async def plan(_: Run) -> AsyncIterator[Sequence[NewTask]]:
        yield [NewTask({}, Claims.POSTS, [1, 2, 3])]

    async def work(run: Run) -> Ending:
        for post in await posts.of_task(database, run.task):
            await run.mark(post.row)
            if post.row == 2:
                # As near to kill -9 as a process can do to a part of itself: nobody hears of the end.
                raise asyncio.CancelledError
            await database.pool.execute("update posts set task = null where id = $1", post.row)
            done.append(post.row)
        await run.mark(None)
        return Ending(Status.SUCCESS)

    job = tidy(work, plan=plan)
    ticket = await hand(job).begin()
    for n in range(DEATHS):
        with pytest.raises(asyncio.CancelledError):
            await hand(job, worker=f"w{n}").manager.tasks.perform(1)
    last = hand(job, worker="last")
    assert await last.manager.tasks.perform(1) is None
    assert done == [1, 3]
    rows = await database.pool.fetch("select state from posts order by id")
    assert [row["state"] for row in rows] == ["followed", "held", "followed"]
    report = await last.report(ticket)
    assert report.status is Status.PARTIAL
    assert "http://demo/2" in str(report.reason)


async def test_a_job_that_this_worker_does_not_know_is_left_to_others(hand: Any, database: Database) -> None:
    await hand(tidy(fine)).begin()
    stranger = hand(Job("other", 50, 10, fine), worker="stranger")
    assert await stranger.manager.tasks.perform(1) is not None
    row = await stranger.task()
    assert (row["state"], row["put_offs"], row["failures"], row["worker"]) == ("open", 0, 0, None)
