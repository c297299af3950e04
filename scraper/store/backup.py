"""A whole database in one file, and back.

The file is a zip archive: `tidegate.json` says of which version the schema is, and how many rows each table has;
`tables/NAME` holds them as COPY writes them. It is our own and not pg_dump's, because it has to come back on any
server, older or newer than the one it is from, into a schema that has moved on since; because pg_dump is not
everywhere, and refuses servers that are newer than itself; and because only what is ours is to be kept in a database
that is shared with others. What waits in the job queue is not in it: jobs are asked for again by their schedules.

All is read in one transaction, so it is the database as it was at one moment, and all is written in one, so that it
comes back whole or not at all.
"""

from __future__ import annotations

import asyncio
import json
import zipfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any

import asyncpg

from scraper.store.database import CONNECT_SECONDS, without_password
from scraper.store.errors import DatabaseUnavailable, StoreError
from scraper.store.migrations import LOCK_KEY, migrate, migrations
from scraper.store.schema import QUERY_SECONDS, drop, tables_in, version_of

FORMAT = 1
CONTENTS = "tidegate.json"
COPY_SECONDS = 3600.0
LOCK_SECONDS = 60.0
PIECE_BYTES = 1 << 18

_COLUMNS = (
    "select attname as name, pg_get_serial_sequence(quote_ident($1::text), attname::text) as sequence"
    " from pg_attribute where attrelid = to_regclass(quote_ident($1::text)) and attnum > 0 and not attisdropped"
    " order by attnum"
)
_REFERENCES = (
    "select conrelid::regclass::text as table, quote_ident(conname) as name, pg_get_constraintdef(oid) as definition"
    " from pg_constraint where contype = 'f' and conrelid in"
    " (select to_regclass(quote_ident(one)) from unnest($1::text[]) as one)"
)
_OTHERS = (
    "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    " and backend_type = 'client backend'"
)


_TORN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What a file raises that is no archive, not all of one, or changed."""


class BackupRefused(StoreError):
    """A backup can't be made, or can't come back here; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: rows by table."""

    version: int
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    """A connection to a database as it is: nothing is migrated. Raises `DatabaseUnavailable`."""
    try:
        connection: Any = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        # What does not parse quotes what it took for a port, which may be half a password.
        why = type(error).__name__ if isinstance(error, ValueError) else str(error).strip().partition("\n")[0]
        raise DatabaseUnavailable(
            f"no database at {without_password(dsn)}: {why or type(error).__name__}. "
            "Start it, or correct TIDEGATE_DATABASE_URL."
        ) from None
    try:
        yield connection
    finally:
        try:
            await connection.close(timeout=CONNECT_SECONDS)
        except TimeoutError:
            connection.terminate()


async def back_up(connection: Any, file: IO[bytes]) -> Backup:
    """Write the database to `file`. Raises `BackupRefused` where there is nothing of ours, OSError of the file."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        version = await version_of(connection)
        if not version:
            raise BackupRefused("there is nothing of Tidegate in this database, so there is nothing to back up.")
        tables: dict[str, Any] = {}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
            for table in await tables_in(connection):
                tables[table] = await _write_table(connection, archive, table)
            contents = {"format": FORMAT, "schema_version": version, "tables": tables}
            await asyncio.to_thread(archive.writestr, CONTENTS, json.dumps(contents, indent=1))
    return Backup(version, {name: table["rows"] for name, table in tables.items()})


async def restore(connection: Any, file: IO[bytes], *, replace: bool) -> Backup:
    """Bring a backup back, and up to date, all of it or nothing.

    Raises `BackupRefused` for what is no whole backup, or one of a newer version of this program; if others use the
    database; if there is something in it, and it is not to be replaced. Raises OSError of the file.
    """
    newest = migrations()[-1].version
    try:
        with zipfile.ZipFile(file) as archive:
            contents = await _contents_of(archive)
            if contents["schema_version"] > newest:
                raise BackupRefused(
                    f"this backup is of schema version {contents['schema_version']}, and this program knows "
                    f"{newest}: upgrade Tidegate first. Nothing was changed."
                )
            async with connection.transaction():
                await _must_be_free(connection, replace=replace)
                await drop(connection)
                await migrate(connection, up_to=contents["schema_version"])
                await _read_tables(connection, archive, contents["tables"])
                await migrate(connection)
    except _TORN as error:
        raise BackupRefused(f"this is no whole backup: {error}. Nothing was changed.") from None
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        raise BackupRefused(f"what is in this backup does not fit together: {error}. Nothing was changed.") from None
    return Backup(contents["schema_version"], {name: table["rows"] for name, table in contents["tables"].items()})


async def _write_table(connection: Any, archive: zipfile.ZipFile, table: str) -> dict[str, Any]:
    columns = await connection.fetch(_COLUMNS, table, timeout=QUERY_SECONDS)
    names = [column["name"] for column in columns]
    waiting = bytearray()
    with archive.open(f"tables/{table}", "w", force_zip64=True) as member:

        async def keep(data: bytes) -> None:
            waiting.extend(data)
            if len(waiting) >= PIECE_BYTES:
                await asyncio.to_thread(member.write, bytes(waiting))
                waiting.clear()

        said = await connection.copy_from_table(
            table, columns=names, output=keep, encoding="utf8", timeout=COPY_SECONDS
        )
        await asyncio.to_thread(member.write, bytes(waiting))
    sequences = {
        column["name"]: list(await connection.fetchrow(f"select last_value, is_called from {column['sequence']}"))  # noqa: S608 named by the server
        for column in columns
        if column["sequence"]
    }
    return {"rows": _count_in(said), "columns": names, "sequences": sequences}


async def _contents_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        contents = json.loads(await asyncio.to_thread(archive.read, CONTENTS))
        is_ours = contents["format"] == FORMAT and isinstance(contents["schema_version"], int)
        _ = [(table["rows"], table["columns"], table["sequences"]) for table in contents["tables"].values()]
    except (KeyError, TypeError, AttributeError, ValueError):
        is_ours, contents = False, {}
    if not is_ours:
        raise BackupRefused("this is no backup that this version of Tidegate can read. Nothing was changed.")
    return dict(contents)


async def _must_be_free(connection: Any, *, replace: bool) -> None:
    """See that nobody else is at it, nor comes while we are, and that nothing is lost that was not to be replaced."""
    await connection.execute(f"set local lock_timeout = '{LOCK_SECONDS:g}s'")
    # Whoever opens the database meanwhile waits with its migrations until this is over.
    await connection.execute("select pg_advisory_xact_lock($1)", LOCK_KEY, timeout=LOCK_SECONDS)
    others = await connection.fetchval(_OTHERS, timeout=QUERY_SECONDS)
    if others:
        raise BackupRefused(
            f"{others} other connections are open to this database. Stop what uses it (`tidegate serve`, workers, "
            "shells), and try again. Nothing was changed."
        )
    known = migrations()[-1].version
    version = await version_of(connection)
    if version > known:
        raise BackupRefused(
            f"the database is at schema version {version}, and this program knows {known}: upgrade Tidegate first."
        )
    if replace:
        return
    for table in await tables_in(connection):
        if await connection.fetchval(f'select exists (select from "{table}")', timeout=QUERY_SECONDS):  # noqa: S608 of our list
            raise BackupRefused(
                f"there are rows in this database already (in {table}). "
                "With --replace they are dropped for what is in the backup. Nothing was changed."
            )


async def _read_tables(connection: Any, archive: zipfile.ZipFile, tables: dict[str, Any]) -> None:
    """Fill the tables of a fresh schema. References are taken off meanwhile: they may go in circles."""
    ours = await tables_in(connection)
    if set(tables) != set(ours):
        odd = ", ".join(sorted(set(tables) ^ set(ours)))
        raise BackupRefused(f"this backup and its schema version do not have the same tables ({odd}).")
    references = await connection.fetch(_REFERENCES, list(ours), timeout=QUERY_SECONDS)
    for one in references:
        await connection.execute(f"alter table {one['table']} drop constraint {one['name']}", timeout=COPY_SECONDS)
    for table in ours:
        await connection.execute(f'truncate "{table}"', timeout=COPY_SECONDS)
        await _read_table(connection, archive, table, tables[table])
    for one in references:
        await connection.execute(
            f"alter table {one['table']} add constraint {one['name']} {one['definition']}", timeout=COPY_SECONDS
        )


async def _read_table(connection: Any, archive: zipfile.ZipFile, table: str, told: dict[str, Any]) -> None:
    columns = await connection.fetch(_COLUMNS, table, timeout=QUERY_SECONDS)
    names = {column["name"] for column in columns}
    sequences = {column["name"]: column["sequence"] for column in columns if column["sequence"]}
    if set(told["columns"]) != names or set(told["sequences"]) != set(sequences):
        raise BackupRefused(f"this backup has other columns in {table} than its schema version.")
    try:
        member = archive.open(f"tables/{table}")
    except KeyError:
        raise BackupRefused(f"this is no whole backup: {table} is missing. Nothing was changed.") from None
    with member:
        said = await connection.copy_to_table(
            table, columns=told["columns"], source=_pieces(member), encoding="utf8", timeout=COPY_SECONDS
        )
    if _count_in(said) != told["rows"]:
        raise BackupRefused(
            f"this backup says that {table} has {told['rows']} rows, and it has {_count_in(said)}. "
            "Nothing was changed."
        )
    for column, (last, is_called) in told["sequences"].items():
        await connection.execute(
            "select setval($1::text::regclass, $2, $3)", sequences[column], last, is_called, timeout=QUERY_SECONDS
        )


async def _pieces(member: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(member.read, PIECE_BYTES):
        yield piece


def _count_in(said: str) -> int:
    """How many rows: Postgres says "COPY 12"."""
    return int(said.rpartition(" ")[2])
