"""The queue and its workers: each task is done once, and nothing is lost, whatever happens to whom."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from jobs import Ending, Job, PutOff, Run, Status
from jobs.queue import Handlers, Queue
from scraper.store.database import Database
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.tasks import NewTask
from tests.jobs.hands import PATIENCE_SECONDS, Box, Hand, empty_queue, fine, over, parts, serving

pytestmark = pytest.mark.database


@pytest.fixture
async def queue(database: Database) -> AsyncIterator[Queue]:
    async with empty_queue(database) as queue:
        yield queue


class Tally:
    """A job of so many tasks that keeps count of who did what, and can be held up in the middle."""

    def __init__(self, tasks: int, *, stop_at: int | None = None) -> None:
        self.done: Counter[int] = Counter()
        self.goes_on = asyncio.Event()
        self.is_held_up = asyncio.Event()
        self._tasks = tasks
        self._stop_at = stop_at
        self.job = Job("tidy", 50, 300, self.work, plan=self.plan)

    async def plan(self, _: Run) -> AsyncIterator[Sequence[NewTask]]:
        async for some in parts(self._tasks):
            yield some

    async def work(self, run: Run) -> Ending:
        part = run.payload["part"]
        if self._stop_at is not None and part >= self._stop_at:
            self.is_held_up.set()
            await self.goes_on.wait()
        self.done[part] += 1
        return Ending(Status.SUCCESS)

    async def rests(self, database: Database) -> None:
        """Waits until one task is held up and those before it are over for the database as well.

        What is lost on the way there is done again, and rightly so.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.is_held_up.wait()
            done = "select count(*) from tasks where state = 'done'"
            while await database.pool.fetchval(done) != self._stop_at:  # noqa: ASYNC110 a row tells nobody
                await asyncio.sleep(0.02)

    @property
    def is_each_done_once(self) -> bool:
        return self.done == Counter(range(self._tasks))


async def test_two_workers_share_a_run_and_each_task_is_done_once(database: Database) -> None:
    met = asyncio.Barrier(4)
    tally = Tally(5)

    async def work(run: Run) -> Ending:
        # Two at a time is as much as one worker does.
        if run.payload["part"] < met.parties:
            await met.wait()
        return await tally.work(run)

    job = Job("tidy", 50, 60, work, plan=tally.plan)
    async with serving(database, job, workers=2, at_once=2) as (one, _):
        report = await over(one, await one.manager.ask("tidy"))
    assert report.status is Status.SUCCESS
    assert tally.is_each_done_once
    assert await database.pool.fetchval("select array_agg(distinct starts) from tasks") == [1]
    assert await database.pool.fetchval("select count(*) from pgqueuer") == 0


async def test_a_run_that_is_wished_for_is_done_by_whoever_wishes_for_it(database: Database, queue: Queue) -> None:
    tally = Tally(3)
    report = await Hand(database, queue, Box(), tally.job).run()
    assert report.status is Status.SUCCESS
    assert tally.is_each_done_once


async def test_a_task_that_is_put_off_comes_back_after_its_pause(database: Database) -> None:
    tries: list[int] = []

    async def work(_: Run) -> Ending:
        tries.append(len(tries))
        if len(tries) < 3:
            raise PutOff("no lease", timedelta(milliseconds=50))
        return Ending(Status.SUCCESS)

    async with serving(database, Job("tidy", 50, 60, work)) as (one,):
        report = await over(one, await one.manager.ask("tidy"))
    assert (report.status, tries) == (Status.SUCCESS, [0, 1, 2])
    assert await database.pool.fetchval("select put_offs from tasks") == 2


async def test_what_a_worker_leaves_when_it_is_told_to_stop_is_done_by_the_other(database: Database) -> None:
    began, done = asyncio.Event(), asyncio.Event()

    async def hangs(_: Run) -> Ending:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def ends(_: Run) -> Ending:
        done.set()
        return Ending(Status.SUCCESS)

    async with serving(database, Job("tidy", 50, 60, hangs), drain_seconds=0.1) as (one,):
        ticket = await one.manager.ask("tidy")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await began.wait()
    assert await database.pool.fetchval("select state from tasks") == "open"
    hand = Hand(database, Queue(database), Box(), Job("tidy", 50, 60, ends))
    await hand.perform_all()
    assert (await hand.report(ticket)).status is Status.SUCCESS
    row = await database.pool.fetchrow("select failures, put_offs, deaths from tasks")
    assert row is not None
    assert tuple(row) == (0, 0, 0)


async def test_what_was_handed_on_is_in_the_queue_for_others(database: Database) -> None:
    began = asyncio.Event()

    async def hangs(_: Run) -> Ending:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(database, Job("tidy", 50, 60, hangs), drain_seconds=0.1) as (one,):
        await one.manager.ask("tidy")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await began.wait()
    rows = await database.pool.fetch("select status, execute_after <= now() + interval '1 second' from pgqueuer")
    assert [tuple(row) for row in rows] == [("queued", True)]


async def test_what_the_queue_has_lost_is_put_into_it_anew(database: Database, queue: Queue) -> None:
    tally = Tally(3)
    hand = Hand(database, queue, Box(), tally.job)
    await hand.begin()
    await hand.manager.tasks.perform(1)
    await database.pool.execute("delete from pgqueuer")
    # What was written just now is about to be there.
    assert await queue.restore() == 0
    await database.pool.execute(
        "update tasks set added_at = added_at - interval '5 minutes', not_before = not_before - interval '5 minutes'"
    )
    assert await queue.restore() == 2
    assert await queue.restore() == 0
    keys = await database.pool.fetch("select dedupe_key from pgqueuer order by id")
    assert [row["dedupe_key"] for row in keys] == ["task:2", "task:3"]


async def test_a_task_that_waits_for_its_time_is_not_lost(database: Database, queue: Queue) -> None:
    hand = Hand(database, queue, Box(), Job("tidy", 50, 10, fine))
    await hand.begin()
    await database.pool.execute(
        "update tasks set added_at = now() - interval '5 minutes', not_before = now() + interval '5 minutes'"
    )
    await database.pool.execute("delete from pgqueuer")
    assert await queue.restore() == 0


async def test_a_task_that_waits_rises_until_it_goes_before_what_is_more_important(
    database: Database, queue: Queue
) -> None:
    hand = Hand(
        database, queue, Box(), Job("urgent", 50, 10, fine, priority=10), Job("tidy", 50, 10, fine, priority=0)
    )
    await hand.begin("tidy")
    await hand.begin("urgent")
    assert await in_order(database) == [("task:2", 10), ("task:1", 0)]
    await database.pool.execute("update tasks set added_at = added_at - interval '10 minutes' where job = 'tidy'")
    await hand.manager.sweep()
    assert await in_order(database) == [("task:1", 40), ("task:2", 10)]


async def in_order(database: Database) -> list[tuple[str, int]]:
    """What is in the queue, as it is handed out."""
    rows = await database.pool.fetch("select dedupe_key, priority from pgqueuer order by priority desc, id")
    return [tuple(row) for row in rows]


async def test_what_the_library_writes_down_is_kept_for_an_hour(database: Database, queue: Queue) -> None:
    await Hand(database, queue, Box(), Job("tidy", 50, 10, fine)).begin()
    assert await database.pool.fetchval("select count(*) from pgqueuer_log") == 1
    await queue.forget_log()
    assert await database.pool.fetchval("select count(*) from pgqueuer_log") == 1
    await database.pool.execute("update pgqueuer_log set created = created - interval '61 minutes'")
    await queue.forget_log()
    assert await database.pool.fetchval("select count(*) from pgqueuer_log") == 0


async def test_what_the_queue_holds_as_failed_is_queued_again(database: Database, queue: Queue) -> None:
    hand = Hand(database, queue, Box(), Job("tidy", 50, 10, fine))
    await hand.begin()
    await database.pool.execute("update pgqueuer set status = 'failed'")
    assert await queue.restore() == 1
    assert await database.pool.fetchval("select status from pgqueuer") == "queued"


async def test_what_a_handler_could_not_do_stays_in_the_queue(database: Database, queue: Queue) -> None:
    heard: list[str] = []
    stopping = asyncio.Event()

    async def run(payload: str) -> timedelta | None:
        heard.append(payload)
        if len(heard) == 1:
            raise RuntimeError("nobody expected this")
        stopping.set()
        return None

    async with database.connection() as connection:
        assert await queue.ask_for_run(connection, "tidy", ticket := uuid4())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await queue.work(Handlers(run, run), at_once=2, stopping=stopping)
    assert heard == [f"tidy {ticket}"] * 2
    assert await database.pool.fetchval("select count(*) from pgqueuer") == 0


async def test_a_wish_is_in_the_queue_once_for_each_key(database: Database, queue: Queue) -> None:
    async with database.connection() as connection:
        assert await queue.ask_for_run(connection, "tidy", uuid4(), key="run:tidy")
        assert not await queue.ask_for_run(connection, "tidy", uuid4(), key="run:tidy")
        assert await queue.ask_for_run(connection, "tidy", uuid4())
    assert await database.pool.fetchval("select count(*) from pgqueuer") == 2


async def test_a_wish_whose_transaction_comes_to_nothing_is_none(database: Database, queue: Queue) -> None:
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await queue.ask_for_run(connection, "tidy", uuid4())
        await transaction.rollback()
    assert await database.pool.fetchval("select count(*) from pgqueuer") == 0


async def test_many_processes_that_start_at_once_make_the_tables_of_the_queue_once(migrated_dsn: str) -> None:
    async with Database(migrated_dsn) as one, Database(migrated_dsn) as two:

        async def enter(database: Database) -> None:
            async with Queue(database):
                pass

        await asyncio.gather(*(enter(database) for database in (one, two) * 3))
        assert await one.pool.fetchval("select count(*) from pgqueuer") == 0


async def test_when_all_connections_are_cut_in_mid_run_each_task_is_done_once(
    migrated_dsn: str, embedded_postgres: EmbeddedPostgres
) -> None:
    tally = Tally(8, stop_at=3)
    async with Database(migrated_dsn) as database, serving(database, tally.job, workers=2, at_once=2) as (one, _):
        ticket = await one.manager.ask("tidy")
        await tally.rests(database)
        name = await database.pool.fetchval("select current_database()")
        outside = await asyncpg.connect(embedded_postgres.dsn)
        try:
            cut = await outside.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
            )
        finally:
            await outside.close()
        assert len(cut) > 1
        tally.goes_on.set()
        report = await over(one, ticket)
        assert report.status is Status.SUCCESS
        assert tally.is_each_done_once
        assert await database.pool.fetchval("select sum(deaths) from tasks") == 0


async def test_when_postgres_restarts_in_mid_run_each_task_is_done_once(open_folder: Path) -> None:
    tally = Tally(8, stop_at=3)
    folder = open_folder / "restarted"
    server = EmbeddedPostgres(folder)
    await server.__aenter__()
    try:
        async with Database(server.dsn) as database, serving(database, tally.job, workers=2, at_once=2) as (one, _):
            ticket = await one.manager.ask("tidy")
            await tally.rests(database)
            await server.__aexit__()
            tally.goes_on.set()
            server = EmbeddedPostgres(folder)
            await server.__aenter__()
            report = await over(one, ticket)
            assert report.status is Status.SUCCESS
            assert tally.is_each_done_once
            assert await database.pool.fetchval("select sum(deaths) from tasks") == 0
    finally:
        await server.__aexit__()


async def test_a_wish_that_failed_and_was_made_anew_since_does_not_keep_what_is_lost_from_coming_back(
    database: Database, queue: Queue
) -> None:
    async with database.connection() as connection:
        for status in ("failed", "failed", "queued"):
            assert await queue.ask_for_run(connection, "tidy", uuid4(), key="run:tidy")
            await connection.execute("update pgqueuer set status = $1 where status = 'queued'", status)
        assert await queue.ask_for_run(connection, "other", uuid4(), key="run:other")
        await connection.execute("update pgqueuer set status = 'failed' where dedupe_key = 'run:other'")
    assert await queue.restore() == 1
    rows = await database.pool.fetch("select dedupe_key, status::text from pgqueuer order by dedupe_key")
    assert [tuple(row) for row in rows] == [("run:other", "queued"), ("run:tidy", "queued")]
