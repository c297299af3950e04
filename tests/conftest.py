"""What tests of every room may ask for: Chromium, the demo site, a server of Postgres and a database of one's own.

- `chromium`: the path of the Chromium to test with
- `demo_site`: the demo site, started once; its `world` is what is true there
- `embedded_postgres`: a running server of our own, started once
- `database`: a migrated database without rows, emptied for each test
- `emptied_dsn`: its address, for commands that are run in this process
- `migrated_dsn`: the address of a migrated database without rows, new for each test
- `fresh_dsn`: the address of a database with nothing in it, new for each test
- `display`: a screen to open windows on, and a Chromium that has some

Each worker of pytest-xdist has its own of all of them. `tests/needs.py` has the markers.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import settings

from browser_pool import ChromiumNotFound
from scraper.store.database import Database
from scraper.store.embedded import EmbeddedPostgres
from tests.headed import display, screen, windowed_chromium
from tests.machine import chromium_to_test_with, make_open_folder, what_is_missing
from tests.needs import ProcessGuard, refuse_undeclared
from tidegate.demo import DemoSite

__all__ = ["display", "screen", "windowed_chromium"]

# No test is about time, on no machine; and what fails here fails everywhere.
settings.register_profile("house", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("house")

EMPTY = """
do $$
declare
    one record;
begin
    -- Neither foreign keys nor the triggers that keep snapshots from being changed.
    perform set_config('session_replication_role', 'replica', true);
    for one in select tablename from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations' loop
        execute format('delete from %I', one.tablename);
    end loop;
    perform setval(format('%I', sequencename)::regclass, start_value, false)
        from pg_sequences where schemaname = 'public' and last_value is not null;
end $$
"""
"""Empties every table there is and starts numbers at 1: 1 ms, where `truncate ... restart identity` takes 22."""


def pytest_configure(config: pytest.Config) -> None:
    """Stops a run of the whole suite on a machine that can't start what it needs."""
    config.pluginmanager.register(ProcessGuard())
    is_worker = hasattr(config, "workerinput")
    is_whole = config.args_source is not pytest.Config.ArgsSource.ARGS and not config.option.keyword
    if is_whole and not is_worker and not config.option.collectonly and (missing := asyncio.run(what_is_missing())):
        raise pytest.UsageError(missing)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Holds every case to its markers."""
    refuse_undeclared(items)


@pytest.fixture(autouse=True)
def logs_as_by_default() -> Iterator[None]:
    """A command that ran in this process has set up the program's logs: the next case has them as they were."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The Chromium that the pool would take: TIDEGATE_CHROMIUM, Playwright's own, or the system's."""
    try:
        return chromium_to_test_with()
    except ChromiumNotFound as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
async def demo_site() -> AsyncIterator[DemoSite]:
    """The demo site on loopback. Tests share it: a test that moves its tick moves it back."""
    async with DemoSite(seed=7, posts=60) as site:
        yield site


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that any user can enter: as root, Postgres runs as another user than the tests."""
    folder = make_open_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def embedded_postgres(open_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running server. Its own database belongs to no test: ask for `database`."""
    async with EmbeddedPostgres(open_folder / "shared") as server:
        # No row of a test has to be there after a power cut.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            await _in_maintenance(server, f"alter system set {setting} = off")
        await _in_maintenance(server, "select pg_reload_conf()")
        yield server


_numbers = itertools.count(1)


@pytest.fixture
async def fresh_dsn(embedded_postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address of a database with nothing in it, not even tables."""
    async with _new_database(embedded_postgres, "template0") as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def migrated_template(embedded_postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database that others are copied from."""
    name = "template_migrated"
    await _in_maintenance(embedded_postgres, f"create database {name} template template0")
    async with Database(_address(embedded_postgres, name)):
        return name


@pytest.fixture
async def migrated_dsn(embedded_postgres: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    """The address of a migrated database without rows."""
    async with _new_database(embedded_postgres, migrated_template) as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def migrated_database(embedded_postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """The one that `database` empties for each test."""
    async with Database(embedded_postgres.dsn) as database:
        yield database


@pytest.fixture
async def database(migrated_database: Database) -> Database:
    """A migrated database without rows, open. Its numbers start at 1."""
    await migrated_database.pool.execute(EMPTY)
    return migrated_database


@pytest.fixture
def emptied_dsn(database: Database) -> str:
    """The address of `database`, for commands that are run in this process."""
    return database.dsn


@asynccontextmanager
async def _new_database(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    name = f"test_{next(_numbers)}"
    await _in_maintenance(server, f"create database {name} template {template}")
    yield _address(server, name)
    await _in_maintenance(server, f"drop database {name} with (force)")


def _address(server: EmbeddedPostgres, name: str) -> str:
    return server.dsn.replace("/tidegate?", f"/{name}?")


async def _in_maintenance(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(_address(server, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
