"""Bringing a database up to date: numbered SQL files, each run once, under a lock.

Any number of processes may start at once: the first applies what is missing, the others wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import asyncpg

from scraper.store.errors import MigrationMismatch

LOCK_KEY = 0x71DE6A7E
APPLY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0001_start.sql` is version 1, named "start"."""

    version: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All that this version of the program has, in order."""
    folder = resources.files("scraper.store") / "migrations"
    found: list[Migration] = []
    for file in folder.iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda one: one.version))


async def migrate(connection: asyncpg.Connection[asyncpg.Record], *, up_to: int | None = None) -> int:
    """Apply what is missing, all of it or nothing, `up_to` a version or to the last. Returns the version reached.

    Raises `MigrationMismatch` for a database that a newer version of the program has made.
    """
    known = [one for one in migrations() if up_to is None or one.version <= up_to]
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK_KEY, timeout=APPLY_SECONDS)
        await connection.execute(
            "create table if not exists schema_migrations ("
            "version integer primary key, name text not null, applied_at timestamptz not null default now())"
        )
        applied = {row["version"] for row in await connection.fetch("select version from schema_migrations")}
        if applied - {one.version for one in known}:
            raise MigrationMismatch(
                f"this database is at schema version {max(applied)}, and this program knows {known[-1].version}: "
                "upgrade Tidegate, or point TIDEGATE_DATABASE_URL elsewhere."
            )
        for one in known:
            if one.version not in applied:
                await connection.execute(one.sql, timeout=APPLY_SECONDS)
                await connection.execute(
                    "insert into schema_migrations (version, name) values ($1, $2)", one.version, one.name
                )
    return known[-1].version
