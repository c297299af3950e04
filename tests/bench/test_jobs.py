"""The bench of the jobs: workers that are processes of their own, and whether a run came to what is true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bench import micro
from bench.lane import Lane
from bench.micro import NotMeasurable
from bench.micro.crew import Shared, ask, crew, must_be_true, over
from bench.micro.jobs import LongRun, long_run, orphan, plan, share, sharing
from bench.simulated import fill
from jobs.metrics_scraper import PAGES_A_TASK
from scraper.store.database import Database

pytestmark = [pytest.mark.database, pytest.mark.processes, pytest.mark.slow]

TRUE = Shared("success", None, 2.0, posts=20, once=20, snapshots=20, claimed=0)


@pytest.fixture
async def empty(migrated_dsn: str) -> AsyncIterator[Database]:
    """A database of one's own: workers in other processes look at it until they have ended."""
    async with Database(migrated_dsn) as database:
        yield database


@pytest.mark.parametrize("workers", (1, 2))
async def test_workers_share_a_run_and_every_post_has_one_snapshot(empty: Database, workers: int) -> None:
    shared = await share(empty, workers=workers, pages=45, page_seconds=0.02)
    assert must_be_true(shared) == replace(shared, posts=45, once=45, snapshots=45, claimed=0)
    at_work = await empty.pool.fetchval("select count(*) from tasks where starts = 1 and state = 'done'")
    assert at_work == -(-45 // PAGES_A_TASK)
    assert await empty.pool.fetchval("select count(*) from page_outcomes where outcome = 'ok'") == 45


async def test_all_that_is_due_is_planned_though_nobody_is_at_work(empty: Database) -> None:
    await fill(empty, 2_345)
    assert await plan(empty) > 0
    tasks = "select count(*) from tasks where state = 'open'"
    assert await empty.pool.fetchval(tasks) == -(-2_345 // PAGES_A_TASK)
    assert await empty.pool.fetchval("select count(*) from posts where task is not null") == 2_345


async def test_workers_end_in_order_and_leave_what_nobody_asked_for(empty: Database) -> None:
    await fill(empty, 5)
    async with crew(Lane(empty.dsn), 2) as processes:
        pass
    assert [process.returncode for process in processes] == [0, 0]
    assert await empty.pool.fetchval("select count(*) from snapshots") == 0


async def test_a_post_that_was_not_read_or_read_twice_is_seen(empty: Database) -> None:
    await fill(empty, 20)
    async with crew(Lane(empty.dsn, at_once=True), 1):
        ticket = await ask(empty)
        assert (await over(empty, ticket)).is_true
    await empty.pool.execute("delete from snapshots where id = (select min(id) from snapshots)")
    lost = await over(empty, ticket)
    assert (lost.posts, lost.once, lost.snapshots) == (20, 19, 19)
    await empty.pool.execute(
        "with other as ("
        " insert into job_runs (job, status, finished_at) values ('other', 'failed', now()) returning id)"
        " insert into snapshots (post, run) select max(post), max(other.id) from snapshots, other"
    )
    doubled = await over(empty, ticket)
    assert (doubled.posts, doubled.once, doubled.snapshots) == (20, 18, 20)
    assert not doubled.is_true


@pytest.mark.parametrize(
    "wrong",
    ({"status": "partial"}, {"once": 19}, {"snapshots": 21}, {"posts": 21}, {"claimed": 1}),
    ids=str,
)
def test_a_run_with_other_rows_than_the_true_ones_is_no_measurement(wrong: dict[str, Any]) -> None:
    assert must_be_true(TRUE) is TRUE
    with pytest.raises(NotMeasurable, match="not every post was read once"):
        must_be_true(replace(TRUE, **wrong))


async def test_the_tasks_of_a_worker_that_was_killed_are_begun_again_and_nothing_is_doubled(empty: Database) -> None:
    seconds, shared = await orphan(empty, pages=30, page_seconds=0.1)
    assert seconds > 0
    assert shared.is_true
    assert await empty.pool.fetchval("select max(starts) from tasks") == 2


async def test_what_a_worker_holds_is_known_all_along_a_run(empty: Database) -> None:
    run = await long_run(empty, posts=1_000)
    assert run.shared.is_true
    assert run.held[-1][0] == 1_000
    assert all(held > 0 for _, held in run.held)


async def test_the_long_run_is_as_long_as_is_asked_for() -> None:
    parts = {name: part for name, part in micro.parts_with(700).items() if name == micro.HOLDING}
    measured = await micro.measure(parts=parts)
    assert not measured.missing
    figures = {figure.key: figure for figure in measured.figures}
    assert figures["jobs.held_late"].title == "that worker when 700 were done"
    growth = figures["jobs.held_late"].value - figures["jobs.held_half"].value
    assert figures["jobs.held_growth"].value == pytest.approx(growth)


async def test_the_speed_up_is_the_speed_of_four_workers_over_that_of_one() -> None:
    figures = {figure.key: figure.value for figure in await sharing(pages=20, page_seconds=0.01)}
    assert set(figures) == {"jobs.pages_by_1", "jobs.pages_by_4", "jobs.speed_up"}
    assert figures["jobs.speed_up"] == pytest.approx(figures["jobs.pages_by_4"] / figures["jobs.pages_by_1"])


def test_what_was_held_at_a_number_of_posts_is_the_first_look_from_there_on() -> None:
    run = LongRun(TRUE, ((0, 1), (9, 2), (10, 3), (20, 4)))
    assert [run.held_bytes(posts) for posts in (0, 9, 10, 11, 20)] == [1, 2, 3, 4, 4]


def test_a_worker_is_told_what_its_lane_is() -> None:
    lane = Lane("postgresql://a b/'c'?host=%2Ftmp", contexts=3, page_seconds=0.5, at_once=True)
    assert Lane.of(lane.command[-1]) == lane
