"""Tasks: who has what, what a worker that died leaves behind, and what is let go of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from scraper.store import opportunities, posts, tasks
from scraper.store.database import Database
from scraper.store.tasks import DEATHS, OVERDUE, Claims, NewTask, StartedTask
from tests.store.begun import begin

pytestmark = pytest.mark.database

JOB = "metrics_scraper"


@pytest.fixture
async def rows(database: Database) -> list[int]:
    """Posts that are followed."""
    await posts.follow(database, "demo", [(str(n), f"http://demo/post/{n}") for n in range(1, 6)])
    return [row["id"] for row in await database.pool.fetch("select id from posts order by id")]


async def add(database: Database, run: int, *new: NewTask) -> list[int]:
    async with database.connection() as connection, connection.transaction():
        return await tasks.add(connection, run, JOB, new)


async def start(database: Database, number: int, worker: str = "a") -> StartedTask:
    started = await tasks.start(database, number, worker)
    assert started is not None
    return started


async def finish(database: Database, number: int, state: str = "done", **said: str) -> int | None:
    async with database.connection() as connection, connection.transaction():
        return await tasks.finish(connection, number, state, **said)  # type: ignore[arg-type]  # all of them are str


async def claimed(database: Database, task: int) -> list[int]:
    return [post.row for post in await posts.of_task(database, task)]


def of(rows: Sequence[int]) -> NewTask:
    return NewTask({}, Claims.POSTS, rows)


async def test_a_row_belongs_to_the_task_that_claimed_it_first(database: Database, rows: list[int]) -> None:
    run = await begin(database)
    (one,) = await add(database, run, of(rows[:3]))
    (two,) = await add(database, run, of(rows[2:]))
    assert (await claimed(database, one), await claimed(database, two)) == (rows[:3], rows[3:])


async def test_of_planners_that_claim_the_same_rows_at_once_each_row_has_one(
    database: Database, rows: list[int]
) -> None:
    run = await begin(database)
    added = await asyncio.gather(*(add(database, run, of(rows[:3]), of(rows[3:])) for _ in range(3)))
    numbers = [number for some in added for number in some]
    assert [await claimed(database, number) for number in sorted(numbers)] in (
        [rows[:3], rows[3:]],
        [rows[3:], rows[:3]],
    )
    assert await database.pool.fetchval("select count(*) from tasks") == len(numbers) == 2


async def test_a_task_that_is_left_without_rows_is_none(database: Database, rows: list[int]) -> None:
    run = await begin(database)
    (one,) = await add(database, run, of(rows))
    assert await add(database, run, of(rows), of([]), of([999])) == []
    assert await database.pool.fetchval("select array_agg(id) from tasks") == [one]


async def test_a_task_that_claims_nothing_is_one_all_the_same(database: Database) -> None:
    run = await begin(database)
    (one,) = await add(database, run, NewTask({"day": 3}))
    assert (await start(database, one)).payload == {"day": 3}


@pytest.mark.parametrize("state", ("paused", "given_up", "held"))
async def test_a_post_that_is_not_followed_is_nobodys_task(database: Database, rows: list[int], state: str) -> None:
    await database.pool.execute("update posts set state = $1 where id = $2", state, rows[0])
    (one,) = await add(database, await begin(database), of(rows[:2]))
    assert await claimed(database, one) == rows[1:2]


async def test_targets_are_claimed_like_posts_and_one_that_is_held_is_not(database: Database) -> None:
    for name in "ab":
        await opportunities.add_target(database, "demo", f"http://demo/@{name}")
    await database.pool.execute("update targets set held_reason = 'it kills' where url like '%b'")
    run = await begin(database)
    (one,) = await add(database, run, NewTask({}, Claims.TARGETS, [1, 2]))
    assert await add(database, run, NewTask({}, Claims.TARGETS, [1, 2])) == []
    assert [target.url for target in await opportunities.targets_of_task(database, one)] == ["http://demo/@a"]


async def test_a_task_that_is_over_is_not_begun(database: Database) -> None:
    (one,) = await add(database, await begin(database), NewTask())
    await finish(database, one, ending="success")
    assert await tasks.start(database, one, "a") is None
    assert await tasks.start(database, 999, "a") is None


async def test_a_task_that_was_put_off_is_begun_again_and_nobody_has_died(
    database: Database, rows: list[int]
) -> None:
    (one,) = await add(database, await begin(database), of(rows))
    for n in range(5):
        started = await start(database, one, f"w{n}")
        assert (started.deaths, started.put_offs, started.failures, started.held) == (0, n, 0, None)
        await tasks.mark(database, one, rows[0])
        assert await tasks.put_off(database, one, "no memory", seconds=5) == 0
    assert await claimed(database, one) == rows
    assert await database.pool.fetchval("select worker_deaths from posts where id = $1", rows[0]) == 0


async def test_failures_are_counted_and_what_was_only_handed_on_is_not(database: Database) -> None:
    (one,) = await add(database, await begin(database), NewTask())
    assert await tasks.put_off(database, one, "ValueError", seconds=0, is_failure=True) == 1
    assert await tasks.put_off(database, one, "ValueError", seconds=0, is_failure=True) == 2
    assert await tasks.put_off(database, one, "the database", seconds=0, is_failure=True, counts=False) == 2
    assert await tasks.put_off(database, one, "its worker was stopped", seconds=0, counts=False) == 2
    started = await start(database, one)
    assert (started.failures, started.put_offs) == (2, 0)
    await finish(database, one, ending="success")
    assert await tasks.put_off(database, one, "too late", seconds=0) == 0


async def test_a_worker_that_dies_before_any_page_counts_against_the_task(
    database: Database, rows: list[int]
) -> None:
    (one,) = await add(database, await begin(database), of(rows))
    deaths = [(await start(database, one, f"w{n}")).deaths for n in range(DEATHS + 1)]
    assert deaths == list(range(DEATHS + 1))
    assert await claimed(database, one) == rows
    assert await database.pool.fetchval("select sum(worker_deaths) from posts") == 0


async def test_a_page_at_which_three_workers_died_is_held_by_name_and_the_others_stay(
    database: Database, rows: list[int]
) -> None:
    (one,) = await add(database, await begin(database), of(rows))
    poison = rows[1]
    held = []
    for n in range(DEATHS + 1):
        started = await start(database, one, f"w{n}")
        held.append(started.held)
        assert started.deaths == 0
        if n < DEATHS:
            await tasks.mark(database, one, rows[0])
            await tasks.mark(database, one, poison)
    assert held == [None] * DEATHS + ["http://demo/post/2"]
    assert await claimed(database, one) == [row for row in rows if row != poison]
    row = await database.pool.fetchrow("select state, state_reason, task from posts where id = $1", poison)
    assert row is not None
    assert tuple(row) == ("held", "3 workers died at it", None)


async def test_a_death_between_pages_is_not_laid_at_the_page_before(database: Database, rows: list[int]) -> None:
    (one,) = await add(database, await begin(database), of(rows))
    await start(database, one, "a")
    await tasks.mark(database, one, rows[0])
    await tasks.mark(database, one, None)
    assert (await start(database, one, "b")).deaths == 1
    assert await database.pool.fetchval("select sum(worker_deaths) from posts") == 0


async def test_a_post_that_is_being_removed_while_its_task_marks_it_does_not_fail_the_task(
    database: Database, rows: list[int]
) -> None:
    (one,) = await add(database, await begin(database), of(rows))
    await start(database, one, "a")
    await tasks.mark(database, one, rows[0])
    async with database.connection() as connection, connection.transaction():
        await connection.execute("delete from posts where id = $1", rows[1])
        marking = asyncio.ensure_future(tasks.mark(database, one, rows[1]))
        waits = "select exists (select from pg_locks where not granted)"
        while not await connection.fetchval(waits):  # noqa: ASYNC110 the database tells nobody
            await asyncio.sleep(0.01)
    await marking
    assert await database.pool.fetchval("select at_post from tasks where id = $1", one) is None
    await tasks.mark(database, one, rows[1])
    await tasks.mark(database, one, rows[0])
    assert await database.pool.fetchval("select at_post from tasks where id = $1", one) == rows[0]


async def test_of_a_worker_that_died_only_the_page_that_was_open_is_to_blame(
    database: Database, rows: list[int]
) -> None:
    run = await begin(database)
    opened, waiting, other = await add(database, run, of(rows[:1]), of(rows[1:2]), of(rows[2:]))
    for number in (opened, waiting, other):
        await start(database, number, "dead")
    await tasks.mark(database, opened, rows[0])
    # Whichever is taken up first, before the page's own task or after it.
    first = await tasks.start(database, waiting, "a")
    page = await tasks.start(database, opened, "a")
    last = await tasks.start(database, other, "a")
    assert first is not None
    assert page is not None
    assert last is not None
    assert (first.deaths, page.deaths, last.deaths) == (0, 0, 0)
    assert (first.is_suspect, page.is_suspect, last.is_suspect) == (False, True, False)
    assert await database.pool.fetchval("select sum(worker_deaths) from posts") == 1


async def test_a_task_that_is_delivered_again_to_the_worker_that_is_at_it_is_no_death(
    database: Database, rows: list[int]
) -> None:
    (one,) = await add(database, await begin(database), of(rows))
    await start(database, one, "a")
    await tasks.mark(database, one, rows[0])
    again = await tasks.start(database, one, "a")
    assert again is None or (again.deaths, again.held) == (0, None)
    assert await database.pool.fetchval("select sum(worker_deaths) from posts") == 0


async def test_a_page_that_was_read_meanwhile_has_killed_nobody_in_a_row(database: Database, rows: list[int]) -> None:
    (one,) = await add(database, await begin(database), of(rows))
    for worker in "abc":
        await start(database, one, worker)
        await tasks.mark(database, one, rows[0])
        await database.pool.execute("update posts set worker_deaths = 0 where id = $1", rows[0])
    assert (await start(database, one, "d")).held is None


@pytest.mark.parametrize("state", ("done", "held", "dropped"))
async def test_a_task_that_is_over_lets_go_of_what_it_has_not_done(
    database: Database, rows: list[int], state: str
) -> None:
    run = await begin(database)
    (one,) = await add(database, run, of(rows))
    await start(database, one)
    assert await finish(database, one, state, reason="it is over") == run
    assert await finish(database, one, state, reason="it is over again") is None
    assert await claimed(database, one) == []
    (two,) = await add(database, run, of(rows))
    assert await claimed(database, two) == rows
    row = await database.pool.fetchrow("select state, reason, worker, at_post from tasks where id = $1", one)
    assert row is not None
    assert tuple(row) == (state, "it is over", None, None)


async def test_a_target_whose_task_is_held_is_held_with_the_reason_until_it_is_added_again(
    database: Database,
) -> None:
    await opportunities.add_target(database, "demo", "http://demo/@a")
    run = await begin(database)
    (one,) = await add(database, run, NewTask({}, Claims.TARGETS, [1]))
    await finish(database, one, "held", reason="3 workers died at it")
    assert await database.pool.fetchval("select held_reason from targets") == "3 workers died at it"
    assert await add(database, run, NewTask({}, Claims.TARGETS, [1])) == []
    await opportunities.add_target(database, "demo", "http://demo/@a")
    assert len(await add(database, run, NewTask({}, Claims.TARGETS, [1]))) == 1


async def test_what_nobody_is_at_when_the_deadline_is_over_is_dropped_and_what_somebody_is_at_is_not(
    database: Database, rows: list[int]
) -> None:
    late, other = await begin(database, deadline_seconds=0), await begin(database, "other")
    waiting, at_work = await add(database, late, of(rows[:2]), of(rows[2:]))
    (young,) = await add(database, other, NewTask())
    assert (await start(database, at_work)).is_overdue
    assert not (await start(database, young)).is_overdue
    await tasks.put_off(database, young, "", seconds=0)
    assert await tasks.drop_overdue(database) == [late]
    found = await database.pool.fetch("select id, state, reason from tasks order by id")
    assert [tuple(row) for row in found] == [
        (waiting, "dropped", OVERDUE),
        (at_work, "open", None),
        (young, "open", ""),
    ]
    assert await claimed(database, at_work) == rows[2:]
    assert await database.pool.fetchval("select count(*) from posts where task is null") == 2


async def test_a_run_whose_planner_died_can_be_closed_after_its_deadline(database: Database) -> None:
    late = await begin(database, deadline_seconds=0)
    young = await begin(database, "other")
    assert await tasks.drop_overdue(database) == [late]
    found = await database.pool.fetch("select id, is_planned from job_runs order by id")
    assert [tuple(row) for row in found] == [(late, True), (young, False)]
