"""The connection to Postgres: a small pool, the schema brought up to date, and SQL by name."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, Self

import asyncpg

from scraper.store.errors import DatabaseUnavailable
from scraper.store.migrations import migrate
from scraper.store.patience import patiently

CONNECTIONS = 4
RELEASE_SECONDS = 3.0
"""A connection that can't be put back in order so quickly is closed."""
COMMAND_SECONDS = 30.0

_NO_DATABASE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError)
CONNECT_SECONDS = 10.0


class Database:
    """A migrated database while entered. Raises `DatabaseUnavailable` or `MigrationMismatch` on entering.

    One that is not there, or just restarts, is waited for so many seconds.
    """

    def __init__(self, dsn: str, *, patience_seconds: float = 0.0) -> None:
        self.dsn = dsn
        self.schema_version = 0
        self._patience_seconds = patience_seconds
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def __aenter__(self) -> Self:
        try:
            self._pool = await patiently("the database is opened", self._connect, seconds=self._patience_seconds)
        except _NO_DATABASE as error:
            raise self._not_there(error) from None
        try:
            what = "the database is brought up to date"
            self.schema_version = await patiently(what, self._migrate, seconds=self._patience_seconds)
        except BaseException:
            await self._close(self._pool)
            raise
        return self

    async def _connect(self) -> asyncpg.Pool[asyncpg.Record]:
        try:
            return await asyncpg.create_pool(
                self.dsn,
                min_size=1,
                max_size=CONNECTIONS,
                timeout=CONNECT_SECONDS,
                command_timeout=COMMAND_SECONDS,
                init=_prepare,
            )
        except OSError as error:
            # A socket that is not there yet, or a host without a name, is a database that may come.
            raise self._not_there(error) from None

    async def _migrate(self) -> int:
        async with self.connection() as connection:
            return await migrate(connection)

    def _not_there(self, error: BaseException) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"no database at {without_password(self.dsn)}: {_first_line(error)}. "
            "Start it, correct TIDEGATE_DATABASE_URL, or unset it to use the embedded one."
        )

    async def __aexit__(self, *_: object) -> None:
        if self._pool is not None:
            await self._close(self._pool)

    @property
    def pool(self) -> asyncpg.Pool[asyncpg.Record]:
        """The pool of connections, for transactions."""
        if self._pool is None:
            raise DatabaseUnavailable("the database is not open: use `async with Database(dsn)`.")
        return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection of the pool. Raises `DatabaseUnavailable` where none can be had any more."""
        try:
            connection = await self.pool.acquire(timeout=COMMAND_SECONDS)
        except OSError as error:
            raise DatabaseUnavailable(
                f"the database failed while it was at work: {_first_line(error)}. "
                "`tidegate doctor` tells how it is now."
            ) from None
        try:
            yield connection
        finally:
            await self.pool.release(connection, timeout=RELEASE_SECONDS)

    async def fetch(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of the query in `sql/{name}.sql`. Raises `DatabaseUnavailable`."""
        async with self.connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(sql(name), *arguments)
            return rows

    async def fetchrow(self, name: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row of the query in `sql/{name}.sql`. Raises `DatabaseUnavailable`."""
        async with self.connection() as connection:
            row: asyncpg.Record | None = await connection.fetchrow(sql(name), *arguments)
            return row

    @staticmethod
    async def _close(pool: asyncpg.Pool[asyncpg.Record]) -> None:
        try:
            await asyncpg.compat.wait_for(pool.close(), CONNECT_SECONDS)
        except TimeoutError:
            pool.terminate()


@functools.cache
def sql(name: str) -> str:
    """The text of `sql/{name}.sql`."""
    return (resources.files("scraper.store") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def without_password(dsn: str) -> str:
    """The address of a database as it may be shown. One that is no proper address may hold a password as well."""
    scheme, _, rest = dsn.partition("://")
    if not scheme.isalpha():
        scheme, rest = "", dsn
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = f"{scheme}://{user}{colon and ':***'}{at}{place}" if scheme else f"{user}{colon and ':***'}{at}{place}"
    return re.sub(r"(password=)[^&\s]*", r"\1***", shown)


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec("jsonb", encoder=_as_json, decoder=json.loads, schema="pg_catalog")


def _as_json(value: Any) -> str:
    """A str is JSON already: the queue's library writes it itself, on the same connections."""
    return value if isinstance(value, str) else json.dumps(value)


def _first_line(error: BaseException) -> str:
    if isinstance(error, ValueError) and not isinstance(error, asyncpg.InterfaceError):
        # Its text quotes what it took for a port, which may be half a password.
        return "it can't be read as an address; write / : @ # ? and % of a password as %2F %3A %40 %23 %3F %25"
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
