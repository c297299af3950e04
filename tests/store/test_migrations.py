"""The schema: from nothing, again, by many at once, and never downwards."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from scraper.store.database import Database
from scraper.store.errors import MigrationMismatch
from scraper.store.migrations import migrate, migrations


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    assert [one.version for one in migrations()] == list(range(1, len(migrations()) + 1))
    assert all(one.name and one.sql.strip() for one in migrations())


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
