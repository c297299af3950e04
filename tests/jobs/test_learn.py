"""What people said of drafts, turned into weights: each word once, whatever happens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.job import Ending, Run, Status
from jobs.learn import Learner
from jobs.weights import after
from memory import ByteBudgetCache
from scraper.store import weights
from scraper.store.database import Database
from scraper.store.weights import Arm, Kind, Verdict, Weight

pytestmark = pytest.mark.database

ARMS = [
    Arm(Kind.REPLY, "template", "question"),
    Arm(Kind.REPLY, "openai", "plain"),
    Arm(Kind.POST, "template", "note"),
]


@pytest.fixture
async def database(database: Database) -> Database:
    """Also without verdicts."""
    await database.pool.execute("truncate verdicts, learnt restart identity")
    return database


async def run_of(database: Database, **more: Any) -> Run:
    number = await database.pool.fetchval(
        "insert into job_runs (job, status, finished_at) values ('learn', 'success', now()) returning id"
    )
    return Run(number, False, lambda _: None, **more)


async def say(database: Database, count: int, *, first: int = 1) -> list[Verdict]:
    """Verdicts on texts from `first` on, an hour apart; two of three are good."""
    began = datetime.now(UTC) - timedelta(days=60)
    said = [
        Verdict(subject, ARMS[subject % len(ARMS)], subject % 3 != 1, began + timedelta(hours=subject))
        for subject in range(first, first + count)
    ]
    async with database.connection() as connection, connection.transaction():
        await weights.in_order(connection)
        for one in said:
            await weights.add_verdict(connection, one.arm, one.number, is_success=one.is_success)
            await connection.execute("update verdicts set at = $2 where subject = $1", one.number, one.at)
    return said


def truth(said: list[Verdict]) -> dict[Arm, Weight]:
    known: dict[Arm, Weight] = {}
    for one in said:
        known[one.arm] = after(known.get(one.arm), one)
    return known


def assert_same(found: dict[Arm, Weight], true: dict[Arm, Weight]) -> None:
    assert found.keys() == true.keys()
    for arm, weight in true.items():
        assert (found[arm].alpha, found[arm].beta) == pytest.approx((weight.alpha, weight.beta))
        assert found[arm].as_of == weight.as_of


async def test_every_verdict_counts_once_however_the_pages_fall(database: Database) -> None:
    said = await say(database, 25)
    learner = Learner(database, rows_a_page=4)
    assert await learner.work(await run_of(database)) == Ending(Status.SUCCESS, "25 decisions learnt")
    assert_same(await weights.weights(database), truth(said))
    again = await learner.work(await run_of(database))
    assert again == Ending(Status.SUCCESS, "nobody has decided on anything since")
    said += await say(database, 5, first=26)
    await learner.work(await run_of(database))
    assert_same(await weights.weights(database), truth(said))


async def test_two_learners_at_once_count_nothing_twice(database: Database) -> None:
    said = await say(database, 60)
    async with Database(database.dsn) as other:
        learners = [Learner(database, rows_a_page=3), Learner(other, rows_a_page=4)]
        runs = [await run_of(database) for _ in learners]
        endings = await asyncio.gather(*(one.work(run) for one, run in zip(learners, runs, strict=True)))
    assert all(ending.status in {Status.SUCCESS, Status.PARTIAL} for ending in endings)
    await Learner(database).work(await run_of(database))
    assert_same(await weights.weights(database), truth(said))


async def test_what_others_have_learnt_meanwhile_is_not_overwritten_from_the_cache(database: Database) -> None:
    said = await say(database, 6)
    mine, other = Learner(database), Learner(database)
    await mine.work(await run_of(database))
    said += await say(database, 6, first=7)
    await other.work(await run_of(database))
    said += await say(database, 6, first=13)
    await mine.work(await run_of(database))
    assert_same(await weights.weights(database), truth(said))


async def test_a_crash_between_pages_and_inside_one_counts_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await say(database, 12)
    learner = Learner(database, rows_a_page=4)
    write, calls = weights.write_weights, 0

    async def crash(connection: Any, run: int, changed: Any) -> None:
        nonlocal calls
        calls += 1
        await write(connection, run, changed)
        if calls == 2:
            raise ConnectionResetError("the database went away")

    monkeypatch.setattr(weights, "write_weights", crash)
    with pytest.raises(ConnectionResetError):
        await learner.work(await run_of(database))
    assert await weights.learnt_up_to(database) == 4
    assert_same(await weights.weights(database), truth(said[:4]))
    await learner.work(await run_of(database))
    assert_same(await weights.weights(database), truth(said))


async def test_a_cache_that_the_ladder_has_emptied_changes_nothing(database: Database) -> None:
    said = await say(database, 6)
    cache: ByteBudgetCache[Arm, Weight] = ByteBudgetCache(1 << 16)
    learner = Learner(database, cache=cache, rows_a_page=2)
    await learner.work(await run_of(database))
    assert set(ARMS) == {arm for arm in ARMS if arm in cache}
    await cache.relieve()
    said += await say(database, 6, first=7)
    await learner.work(await run_of(database))
    assert_same(await weights.weights(database), truth(said))


async def test_a_cache_without_room_changes_nothing(database: Database) -> None:
    said = await say(database, 12)
    await Learner(database, cache=ByteBudgetCache(0), rows_a_page=2).work(await run_of(database))
    assert_same(await weights.weights(database), truth(said))


async def test_a_learner_that_is_told_to_stop_leaves_the_rest_to_the_next(database: Database) -> None:
    said = await say(database, 9)
    ending = await Learner(database, rows_a_page=3).work(await run_of(database, is_stopping=lambda: True))
    assert ending == Ending(Status.PARTIAL, "3 decisions learnt; stopped, and the next run goes on")
    await Learner(database).work(await run_of(database))
    assert_same(await weights.weights(database), truth(said))


async def test_the_first_word_on_a_text_counts(database: Database) -> None:
    async with database.connection() as connection, connection.transaction():
        await weights.in_order(connection)
        await weights.add_verdict(connection, ARMS[0], 1, is_success=True)
        await weights.add_verdict(connection, ARMS[0], 1, is_success=False)
    await Learner(database).work(await run_of(database))
    found = await weights.weights(database)
    assert (found[ARMS[0]].alpha, found[ARMS[0]].beta) == (2.0, 1.0)


async def test_a_verdict_that_is_given_while_others_are_learnt_is_not_overlooked(database: Database) -> None:
    """A number is only seen when all before it are: a late commit with a low number would be lost."""
    first, second = await database.pool.acquire(), await database.pool.acquire()
    try:
        early = first.transaction()
        await early.start()
        await weights.in_order(first)
        await weights.add_verdict(first, ARMS[0], 1, is_success=True)

        async def late() -> None:
            async with second.transaction():
                await weights.in_order(second)
                await weights.add_verdict(second, ARMS[0], 2, is_success=True)

        waiting = asyncio.create_task(late())
        await Learner(database).work(await run_of(database))
        assert await weights.learnt_up_to(database) == 0
        await early.commit()
        await waiting
    finally:
        await database.pool.release(first)
        await database.pool.release(second)
    await Learner(database).work(await run_of(database))
    assert (await weights.weights(database))[ARMS[0]].alpha == pytest.approx(3.0)
