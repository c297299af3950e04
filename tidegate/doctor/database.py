"""The database: reachable, writable, and of which version its tables are. Looking changes nothing in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import asyncpg

from scraper.store.database import without_password
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.errors import StoreError
from scraper.store.migrations import migrations
from tidegate.doctor.finding import Finding, failure, good, note
from tidegate.settings import Settings

CONNECT_SECONDS = 10.0
TROUBLES = (
    StoreError,
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    ValueError,
    OverflowError,
)

FACTS = """
select current_setting('server_version') as version,
       pg_is_in_recovery() or current_setting('transaction_read_only')::bool as is_read_only,
       coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create,
       to_regclass('schema_migrations') is not null as has_tables
"""


@dataclass(frozen=True, slots=True)
class Store:
    """What the database said. `migrated` are the migrations it has had; None is not known.

    `seconds` is how long it took to get an answer, with the start of an embedded server.
    """

    is_embedded: bool
    where: str
    seconds: float | None = None
    version: str | None = None
    is_read_only: bool | None = None
    may_create: bool | None = None
    migrated: tuple[int, ...] | None = None
    problem: str | None = None


async def look_at_database(settings: Settings, seconds: float) -> Store:
    """Connect, or start the embedded one, and ask."""
    dsn = settings.database_url
    facts = Store(dsn is None, str(settings.data_dir.absolute()) if dsn is None else without_password(dsn))
    started_seconds = time.monotonic()
    try:
        async with asyncio.timeout(seconds), _address(settings) as address:
            connection = await asyncpg.connect(address, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS)
            try:
                facts = replace(facts, seconds=time.monotonic() - started_seconds)
                row = await connection.fetchrow(FACTS)
                assert row is not None  # noqa: S101 a select without a table has one row
                facts = replace(
                    facts,
                    version=row["version"],
                    is_read_only=row["is_read_only"],
                    may_create=row["may_create"],
                    migrated=(),
                )
                if row["has_tables"]:
                    versions = await connection.fetch("select version from schema_migrations order by version")
                    facts = replace(facts, migrated=tuple(one["version"] for one in versions))
            finally:
                with contextlib.suppress(TimeoutError):
                    await connection.close(timeout=CONNECT_SECONDS)
    except TROUBLES as error:
        return replace(facts, problem=_in_words(error, seconds))
    return facts


@contextlib.asynccontextmanager
async def _address(settings: Settings) -> AsyncIterator[str]:
    if settings.database_url is not None:
        yield settings.database_url
        return
    async with EmbeddedPostgres(settings.data_dir) as server:
        yield server.dsn


def _in_words(error: BaseException, seconds: float) -> str:
    """What went wrong, without anything of the address: it may hold half a password."""
    if isinstance(error, ValueError) and not isinstance(error, asyncpg.InterfaceError):
        return "it can't be read as an address; write / : @ # ? and % of a password as %2F %3A %40 %23 %3F %25"
    said = str(error).strip()
    if isinstance(error, OSError) and error.errno is not None:
        # asyncio's own words hold its figures; those of name resolution have negative numbers and no others.
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    if isinstance(error, TimeoutError) and not said:
        return f"no answer in {min(seconds, CONNECT_SECONDS):g} s"
    return said if isinstance(error, StoreError) else (said or type(error).__name__).splitlines()[0].rstrip(".")


def judge_database(facts: Store, known: tuple[int, ...] | None = None) -> Finding:
    """Whether it can be used. `known` are the migrations that this program has."""
    if facts.problem is not None:
        return _unreachable(facts)
    found = f"{_name(facts)}: Postgres {facts.version} answers after {facts.seconds or 0.0:.2f} s"
    if facts.is_read_only:
        return failure(
            f"{found}, and nothing can be written there", "It is a standby, or read-only: name the primary."
        )
    known = tuple(one.version for one in migrations()) if known is None else known
    return _judge_tables(facts, found, known)


def _judge_tables(facts: Store, found: str, known: tuple[int, ...]) -> Finding:
    migrated = facts.migrated or ()
    if newer := set(migrated) - set(known):
        return failure(
            f"{found}; its tables are of version {max(newer)}, and this program knows {max(known)}",
            "A newer Tidegate has made them: upgrade this one.",
        )
    if set(migrated) == set(known):
        return good(f"{found}; its tables are up to date (version {max(known)})")
    state = f"its tables are of version {max(migrated)} of {max(known)}" if migrated else "it has no tables yet"
    if facts.may_create is False:
        return failure(
            f"{found}; {state}, and its user may make none", "Let that user: `grant create on schema public to ...`."
        )
    if not migrated:
        return good(f"{found}; {state}: the first run makes them")
    return note(f"{found}; {state}", "The next run of anything that stores brings them up to date.")


def _unreachable(facts: Store) -> Finding:
    if facts.is_embedded:
        return failure(
            f"the embedded Postgres in {facts.where} can't be used: {facts.problem}",
            "See `data` for room. TIDEGATE_DATA_DIR puts it elsewhere, TIDEGATE_DATABASE_URL names another.",
        )
    return failure(
        f"no database at {facts.where}: {facts.problem}",
        "Start it, correct TIDEGATE_DATABASE_URL, or unset it to use the embedded one.",
    )


def _name(facts: Store) -> str:
    return f"embedded in {facts.where}" if facts.is_embedded else facts.where
