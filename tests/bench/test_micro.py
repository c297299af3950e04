"""Micro figures: a small run of each measurement against the real thing, and what they are kept as."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bench import micro
from bench.micro import Figure, NotMeasurable, as_json, from_json, gate, queue, store
from bench.micro.figures import rate, spread
from bench.micro.walk import START, due_from, page_ending_at, walk
from bench.simulated import NOW
from scraper.store.database import Database
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.errors import DatabaseUnavailable

ROWS = 2000


def by_key(figures: list[Figure]) -> dict[str, Figure]:
    found = {figure.key: figure for figure in figures}
    assert len(found) == len(figures)
    return found


def test_figures_come_back_from_json_as_they_were() -> None:
    figures = [
        Figure("store.page", "a page", "ms", 0.5, 1.5, "20 rows"),
        Figure("queue.done", "jobs done", "1/s", 1200.0),
    ]
    assert from_json(json.loads(json.dumps(as_json(figures)))) == figures


def test_a_row_with_another_key_is_refused() -> None:
    with pytest.raises(TypeError, match="median"):
        from_json([{**as_json([Figure("a", "a", "ms", 1.0)])[0], "median": 1.0}])


def test_a_spread_is_median_and_99th_percentile_and_a_rate_says_how_its_rounds_strayed() -> None:
    one = spread("a", "a", "ms", [float(n) for n in range(1, 200)])
    assert (one.value, one.high) == (100.0, 198.0)
    other = rate("b", "b", [90.0, 110.0, 100.0], note="by two")
    assert (other.value, other.high, other.note) == (100.0, None, "by two; 3 rounds: 90 to 110")


async def test_what_can_not_be_measured_is_named_and_the_rest_is_kept() -> None:
    async def works() -> list[Figure]:
        return [Figure("a", "a", "ms", 1.0)]

    async def has_no_proc() -> list[Figure]:
        raise NotMeasurable("this system does not tell what a process holds")

    async def has_no_database() -> list[Figure]:
        raise DatabaseUnavailable("no Postgres server found")

    async def takes_too_long() -> list[Figure]:
        raise TimeoutError("no consumer")

    told: list[str] = []
    parts = {"memory": has_no_proc, "store": has_no_database, "slow": takes_too_long, "gate": works}
    found = await micro.measure(told.append, parts=parts)
    assert [figure.key for figure in found.figures] == ["a"]
    assert [(one.part, one.reason) for one in found.missing] == [
        ("memory", "this system does not tell what a process holds"),
        ("store", "no Postgres server found"),
        ("slow", f"it took too long, over {micro.PART_SECONDS:.0f} s or in one step of it: no consumer"),
    ]
    assert told == ["memory", "store", "slow", "gate"]


async def test_a_bug_is_not_taken_for_something_that_can_not_be_measured() -> None:
    async def is_broken() -> list[Figure]:
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        await micro.measure(parts={"gate": is_broken})


async def test_a_reading_and_an_admission_are_measured_without_a_browser() -> None:
    found = by_key(await gate.admission(times=20))
    assert set(found) == {"gate.reading", "gate.admission"}
    assert all(0 < figure.value <= (figure.high or 0) for figure in found.values())


@pytest.mark.database
async def test_paging_sees_every_row_once_and_leaves_them_all(database: Database) -> None:
    found = by_key(await store.paging(database, rows=ROWS, looks=2, rows_a_page=150))
    assert found["store.rows_paged"].value == ROWS
    assert await database.pool.fetchval("select count(*) from posts") == ROWS
    assert found["store.post_bytes"].value > 0
    walked = await walk(database, until=NOW, rows_a_page=70)
    assert (walked.rows, walked.is_in_order) == (ROWS, True)
    assert walked.held_bytes


@pytest.mark.database
@pytest.mark.parametrize("row", (20, 21, 100, ROWS))
async def test_the_page_at_a_row_is_the_one_that_ends_there(database: Database, row: int) -> None:
    await store.paging(database, rows=ROWS, looks=2, rows_a_page=500)
    start = await page_ending_at(database, row, 20)
    assert (start == START) == (row == 20)
    async for page in due_from(database, start, until=NOW, rows_a_page=20):
        assert [int(one["post_id"]) for one in page] == list(range(row - 19, row + 1))
        break


@pytest.mark.database
async def test_writing_leaves_a_snapshot_and_an_outcome_for_every_page_that_was_counted(
    database: Database, embedded_postgres: EmbeddedPostgres
) -> None:
    await store.paging(database, rows=ROWS, looks=2, rows_a_page=500)
    found = by_key(await store.writing(database, embedded_postgres, snapshots=35, rounds=2))
    runs = 2 * len(store.WRITERS)
    for table in ("snapshots", "page_outcomes"):
        rows = await database.pool.fetch(
            f"select run, count(*) as pages, count(distinct post) as posts from {table} group by run"  # noqa: S608
        )
        assert [(row["pages"], row["posts"]) for row in rows] == [(35, 35)] * runs
    assert {f"store.snapshots_by_{writers}" for writers in store.WRITERS} < set(found)
    assert found["store.snapshot_bytes"].value > 100


@pytest.mark.database
async def test_the_connections_that_were_measured_are_closed(
    database: Database, embedded_postgres: EmbeddedPostgres
) -> None:
    of_ours = "select count(*) from pg_stat_activity where query like 'select id from posts order by id limit 20%'"
    figure = await store.connection_memory(embedded_postgres, connections=3)
    assert figure.value > 0
    # The server may take a moment to see the last of them off.
    async with asyncio.timeout(30):
        while await database.pool.fetchval(of_ours):  # noqa: ASYNC110 another process has no event to wait for
            await asyncio.sleep(0.01)


def test_the_disk_is_measured_where_the_data_is_and_nothing_is_left_there(tmp_path: Path) -> None:
    figure = store.disk_sync(tmp_path, times=3)
    assert 0 < figure.value <= (figure.high or 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.database
@pytest.mark.processes
@pytest.mark.parametrize("consumers", (1, 2))
async def test_every_job_is_done_once_whoever_does_it(migrated_dsn: str, consumers: int) -> None:
    await queue.install(migrated_dsn)
    drained = await queue.drain(migrated_dsn, consumers=consumers, jobs=230)
    assert len(drained.by_consumer) == consumers
    assert sum(drained.by_consumer) == drained.finished == drained.endings == 230
    assert drained.left == 0
