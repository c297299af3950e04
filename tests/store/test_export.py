"""Whole tables, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scraper.store.database import Database
from scraper.store.export import columns_of, rows_of
from scraper.store.exportable import Exportable

pytestmark = pytest.mark.database

LEFT_OUT = {"posts": {"task", "worker_deaths", "same_outcomes"}}
"""What is there for workers only."""


async def all_of(database: Database, table: Exportable, **which: Any) -> list[Any]:
    return [row async for page in rows_of(database, table, rows_a_page=2, **which) for row in page]


@pytest.fixture
async def filled(database: Database) -> Database:
    """Five posts of two sites; the first and the last have snapshots."""
    pool = database.pool
    await pool.execute(
        "insert into posts (site, post_id, url, added_at)"
        " select case when n = 3 then 'pier' else 'quay' end, n::text, 'https://quay.example/' || n,"
        " '2026-01-01'::timestamptz + n * interval '1 day' from generate_series(1, 5) n"
    )
    await pool.execute("insert into job_runs (job, status, finished_at) values ('a', 'success', now())")
    await pool.execute("insert into job_runs (job, status, finished_at) values ('b', 'success', now())")
    await pool.execute(
        "insert into snapshots (post, run, taken_at, views) values"
        " (1, 1, '2026-01-02Z', 10), (1, 2, '2026-01-03Z', 11), (5, 1, '2026-01-06Z', null)"
    )
    return database


@pytest.mark.parametrize("table", tuple(Exportable))
async def test_an_export_has_every_column_of_its_table(database: Database, table: Exportable) -> None:
    rows = await database.pool.fetch(
        "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0 and not attisdropped",
        table.value,
    )
    exported = {column.name for column in await columns_of(database, table)}
    assert {row["attname"] for row in rows} - exported == LEFT_OUT.get(table.value, set())


async def test_every_row_comes_once_in_the_order_of_ids(filled: Database) -> None:
    assert [row["id"] for row in await all_of(filled, Exportable.POSTS)] == [1, 2, 3, 4, 5]
    assert [row["id"] for row in await all_of(filled, Exportable.SNAPSHOTS)] == [1, 2, 3]
    assert await all_of(filled, Exportable.OPPORTUNITIES) == await all_of(filled, Exportable.DRAFTS) == []


async def test_a_post_has_its_last_numbers_and_none_if_it_was_never_read(filled: Database) -> None:
    posts = await all_of(filled, Exportable.POSTS)
    assert [post["views"] for post in posts] == [11, None, None, None, None]
    assert [post["taken_at"] is not None for post in posts] == [True, False, False, False, True]


async def test_a_snapshot_says_which_post_it_is_of(filled: Database) -> None:
    [first, *_] = await all_of(filled, Exportable.SNAPSHOTS)
    assert (first["site"], first["post_id"], first["url"]) == ("quay", "1", "https://quay.example/1")


async def test_only_one_site(filled: Database) -> None:
    assert [row["id"] for row in await all_of(filled, Exportable.POSTS, site="pier")] == [3]
    assert await all_of(filled, Exportable.SNAPSHOTS, site="pier") == []
    assert await all_of(filled, Exportable.POSTS, site="'; drop table posts; --") == []


async def test_since_when_a_post_was_added_or_read_and_a_snapshot_taken(filled: Database) -> None:
    since = datetime(2026, 1, 5, tzinfo=UTC)
    await filled.pool.execute("update posts set last_read_at = $1 where id = 1", since + timedelta(days=1))
    assert [row["id"] for row in await all_of(filled, Exportable.POSTS, since=since)] == [1, 4, 5]
    assert [row["id"] for row in await all_of(filled, Exportable.SNAPSHOTS, since=since)] == [3]


async def test_a_row_that_is_changed_behind_the_reader_does_not_come_again(filled: Database) -> None:
    seen = []
    async for page in rows_of(filled, Exportable.POSTS, rows_a_page=2):
        seen += [row["id"] for row in page]
        await filled.pool.execute("update posts set due_at = now(), failures = failures + 1")
    assert seen == [1, 2, 3, 4, 5]
