"""Which tables and functions are ours, by the migrations that make them, and at which version a database is.

A database may be shared with others: what is not named here is never read, written or dropped.
"""

from __future__ import annotations

import re
from typing import Any

from scraper.store.migrations import APPLY_SECONDS, migrations

VERSIONS = "schema_migrations"
QUERY_SECONDS = 30.0

_MADE = re.compile(r"^create (table|function)(?: if not exists)? (\w+)", re.MULTILINE)


def made(kind: str) -> tuple[str, ...]:
    """The names of all tables ("table") or functions ("function") that any migration makes, in their order."""
    return tuple(name for one in migrations() for what, name in _MADE.findall(one.sql) if what == kind)


async def version_of(connection: Any) -> int:
    """The version of the schema; 0 where there is none."""
    if await connection.fetchval("select to_regclass($1)", VERSIONS, timeout=QUERY_SECONDS) is None:
        return 0
    newest = await connection.fetchval("select max(version) from schema_migrations", timeout=QUERY_SECONDS)
    return int(newest or 0)


async def tables_in(connection: Any) -> tuple[str, ...]:
    """Those of our tables that there are."""
    rows = await connection.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"
        " and relname = any ($1::text[])",
        list(made("table")),
        timeout=QUERY_SECONDS,
    )
    found = {row["relname"] for row in rows}
    return tuple(name for name in made("table") if name in found)


async def drop(connection: Any) -> None:
    """Drop all that is ours, and nothing else. In a transaction of the caller's."""
    for name in (*await tables_in(connection), VERSIONS):
        await connection.execute(f'drop table if exists "{name}" cascade', timeout=APPLY_SECONDS)
    for name in made("function"):
        await connection.execute(f'drop function if exists "{name}" cascade', timeout=APPLY_SECONDS)
