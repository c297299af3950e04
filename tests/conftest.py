"""What tests of every room may ask for: Chromium, the demo site, a server of Postgres and a database of one's own.

- `chromium`: the path of the Chromium to test with
- `demo_site`: the demo site, started once; its `world` is what is true there
- `embedded_postgres`: a running server of our own, started once
- `database`: a migrated database without rows, emptied for each test
- `fresh_dsn`: the address of a database with nothing in it, new for each test
- `display`: a screen to open windows on, and a Chromium that has some
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from browser_pool import ChromiumNotFound, find_chromium
from scraper.store.database import Database
from scraper.store.embedded import EmbeddedPostgres
from tests.headed import display, screen, windowed_chromium
from tidegate.demo import DemoSite

__all__ = ["display", "screen", "windowed_chromium"]

# No test is about time, on no machine; and what fails here fails everywhere.
settings.register_profile("house", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The Chromium that the pool would take: TIDEGATE_CHROMIUM, Playwright's own, or the system's."""
    named = os.environ.get("TIDEGATE_CHROMIUM")
    try:
        return find_chromium(Path(named) if named else None).executable
    except ChromiumNotFound as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
async def demo_site() -> AsyncIterator[DemoSite]:
    """The demo site on loopback. Tests share it: whoever moves its tick moves it back."""
    async with DemoSite(seed=7, posts=60) as site:
        yield site


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that any user can enter: as root, Postgres runs as another user than the tests."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def embedded_postgres(open_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running server. Its own database is nobody's: ask for `database`."""
    async with EmbeddedPostgres(open_folder / "shared") as server:
        # Nobody needs the rows of a test after a power cut.
        await _in_maintenance(server, "alter system set fsync = off")
        await _in_maintenance(server, "select pg_reload_conf()")
        yield server


_numbers = itertools.count(1)


@pytest.fixture
async def fresh_dsn(embedded_postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address of a database with nothing in it, not even tables."""
    name = f"empty_{next(_numbers)}"
    await _in_maintenance(embedded_postgres, f'create database "{name}" template template0')
    yield _address(embedded_postgres, name)
    await _in_maintenance(embedded_postgres, f'drop database "{name}" with (force)')


@pytest.fixture(scope="session")
async def migrated_database(embedded_postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """The one that `database` empties for each test: emptying takes a tenth of the time of making."""
    async with Database(embedded_postgres.dsn) as database:
        yield database


@pytest.fixture
async def database(migrated_database: Database) -> Database:
    """A migrated database without rows, open. Its numbers start at 1."""
    await migrated_database.pool.execute(
        "truncate posts, job_runs, snapshots, page_outcomes, targets, opportunities, memory_samples, ladder_runs,"
        " memory_skips, memory_costs, field_yields, hosts, tasks, schedules, alarms, blocked_authors,"
        " verdicts, learnt, generator_spending, generator_weights"
        " restart identity cascade"
    )
    if await migrated_database.pool.fetchval("select to_regclass('pgqueuer') is not null"):
        # What waits there asks by number for tasks of another test.
        await migrated_database.pool.execute("truncate pgqueuer, pgqueuer_log")
    return migrated_database


def _address(server: EmbeddedPostgres, name: str) -> str:
    return server.dsn.replace("/tidegate?", f"/{name}?")


async def _in_maintenance(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(_address(server, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
