"""The schema: from nothing, again, by many at once, and never downwards."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from scraper.store import posts
from scraper.store.database import Database
from scraper.store.errors import MigrationMismatch
from scraper.store.migrations import migrate, migrations


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    assert [one.version for one in migrations()] == list(range(1, len(migrations()) + 1))
    assert all(one.name and one.sql.strip() for one in migrations())


@pytest.mark.database
async def test_an_empty_database_is_brought_up_to_date_and_a_second_time_nothing_is_done(fresh_dsn: str) -> None:
    connection = await asyncpg.connect(fresh_dsn)
    try:
        assert await migrate(connection) == migrations()[-1].version
        first = await connection.fetch("select * from schema_migrations order by version")
        assert await migrate(connection) == migrations()[-1].version
        assert await connection.fetch("select * from schema_migrations order by version") == first
    finally:
        await connection.close()
    assert [(row["version"], row["name"]) for row in first] == [(one.version, one.name) for one in migrations()]


@pytest.mark.database
async def test_many_processes_that_start_at_once_migrate_it_once(fresh_dsn: str) -> None:
    connections = [await asyncpg.connect(fresh_dsn) for _ in range(4)]
    try:
        reached = await asyncio.gather(*(migrate(connection) for connection in connections))
        rows = await connections[0].fetchval("select count(*) from schema_migrations")
    finally:
        for connection in connections:
            await connection.close()
    assert set(reached) == {migrations()[-1].version}
    assert rows == len(migrations())


@pytest.mark.database
async def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(fresh_dsn: str) -> None:
    async with Database(fresh_dsn) as database:
        await database.pool.execute("insert into schema_migrations (version, name) values (9999, 'from_tomorrow')")
    with pytest.raises(MigrationMismatch, match=r"9999.*upgrade Tidegate"):
        async with Database(fresh_dsn):
            pass
    connection = await asyncpg.connect(fresh_dsn)
    try:
        assert await connection.fetchval("select max(version) from schema_migrations") == 9999
        others = (
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert await connection.fetchval(others) == 0
    finally:
        await connection.close()


@pytest.mark.database
async def test_a_migration_that_fails_leaves_nothing_half_done(fresh_dsn: str) -> None:
    connection = await asyncpg.connect(fresh_dsn)
    try:
        # The last statements of the first migration can't run beside this table.
        await connection.execute("create table opportunities (id integer)")
        with pytest.raises(asyncpg.PostgresError):
            await migrate(connection)
        assert await connection.fetchval("select to_regclass('posts')") is None
        assert await connection.fetchval("select to_regclass('schema_migrations')") is None
    finally:
        await connection.close()


ROWS = {
    1: """
        insert into job_runs (job, status) values ('metrics_scraper', 'running'), ('metrics_scraper', 'running');
        insert into job_runs (job, status, reason, finished_at) values ('tidy', 'skipped', 'no memory', now());
        insert into posts (site, post_id, url, due_at, failures)
        values ('demo', '1', 'u', now() - interval '1 hour', 3), ('demo', '2', 'v', 'infinity', 0);
        insert into snapshots (post, run, views, warnings) values (1, 1, 5, '["w"]'), (1, 2, 6, '[]');
        insert into page_outcomes (run, site, url, post, outcome, seconds) values (1, 'demo', 'u', 1, 'ok', 0.5);
        insert into targets (site, url, last_outcome) values ('demo', 'http://demo/@a', 'timeout');
        insert into opportunities (site, post_id, url, score, tier, because, target, run, expires_at)
        values ('demo', '9', 'u', 0.5, 'warm', 'young', 1, 1, now() + interval '1 day');
    """,
    2: """
        insert into memory_costs (name, observations) values ('lease:demo', array[1, 2, 3]);
        insert into memory_skips (process, at, component, name, ending, need_bytes, reason)
        values ('a:1', now(), 'jobs', 'tidy', 'skipped', 5, 'short');
    """,
    3: """
        insert into field_yields (site, layout, kind, field, posts, found, pages)
        values ('demo', 'only', 'post', 'likes', 9, 8, 2);
        insert into hosts (host, next_turn_at, refusals) values ('demo', now(), 2);
        update page_outcomes set evidence = 'a.png';
    """,
    4: """
        insert into job_runs (job, status, is_planned) values ('tidy', 'running', true);
        insert into tasks (run, job, payload) select max(id), 'tidy', '{}' from job_runs;
        insert into schedules (job, rule, next_at) values ('tidy', 'every 1h', now());
        insert into blocked_authors (site, author) values ('demo', 'noise');
    """,
}
"""What somebody had at a version: the rows of all versions up to it."""


async def at_version(connection: asyncpg.Connection[asyncpg.Record], version: int) -> None:
    """A database as that version of the program left it, with rows in its tables."""
    await connection.execute(
        "create table schema_migrations ("
        "version integer primary key, name text not null, applied_at timestamptz not null default now())"
    )
    for one in migrations()[:version]:
        await connection.execute(one.sql)
        await connection.execute(
            "insert into schema_migrations (version, name) values ($1, $2)", one.version, one.name
        )
        await connection.execute(ROWS.get(one.version, ""))


async def counts(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, int]:
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    names = sorted({row["tablename"] for row in tables} - {"schema_migrations"})
    return {name: await connection.fetchval(f'select count(*) from "{name}"') for name in names}  # noqa: S608


@pytest.mark.database
@pytest.mark.parametrize("version", range(1, len(migrations())))
async def test_a_database_of_every_earlier_version_comes_along_with_all_of_its_rows(
    fresh_dsn: str, version: int
) -> None:
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await at_version(connection, version)
        before = await counts(connection)
        assert sum(before.values()) >= 8
        assert await migrate(connection) == migrations()[-1].version
        after = await counts(connection)
        assert {name: after[name] for name in before} == before
        assert await connection.fetchval("select sum(views) from snapshots") == 11
        assert await connection.fetchval("select warnings->>0 from snapshots where id = 1") == "w"
    finally:
        await connection.close()


@pytest.mark.database
@pytest.mark.parametrize("version", (1, 2, 3))
async def test_what_was_before_there_were_tasks_is_in_the_state_that_it_was_meant_to_be_in(
    fresh_dsn: str, version: int
) -> None:
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await at_version(connection, version)
        await migrate(connection)
        runs = await connection.fetch("select status, reason, finished_at is not null from job_runs order by id")
        dead = ("failed", "its process ended without a word", True)
        assert [tuple(row) for row in runs] == [dead, dead, ("skipped", "no memory", True)]
        followed = await connection.fetch("select state, failures, task, isfinite(due_at) from posts order by id")
        assert [tuple(row) for row in followed] == [("followed", 3, None, True), ("paused", 0, None, True)]
        targets = await connection.fetch("select is_watched, is_harvested, held_reason, due_at <= now() from targets")
        assert [tuple(row) for row in targets] == [(False, True, None, True)]
        assert await connection.fetchval("select state from opportunities") == "open"
    finally:
        await connection.close()


@pytest.mark.database
async def test_what_an_earlier_version_followed_is_due_in_this_one(fresh_dsn: str) -> None:
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await at_version(connection, 3)
    finally:
        await connection.close()
    async with Database(fresh_dsn) as database:
        assert await posts.count_due(database, until=datetime.now(UTC)) == 1
        assert await posts.follow(database, "demo", [("2", "http://demo/2")]) == 0
        assert await posts.count_due(database, until=datetime.now(UTC) + timedelta(minutes=1)) == 2
