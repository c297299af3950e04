"""Locks across all processes on one database.

A lock belongs to a connection, so it goes with the process that holds it, however that ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scraper.store.database import Database


@asynccontextmanager
async def try_lock(database: Database, kind: str, name: str) -> AsyncIterator[bool]:
    """True while this holds the lock `name`; False if somebody else does. Never waits for it."""
    async with database.connection() as connection:
        is_held = await connection.fetchval("select pg_try_advisory_lock(hashtext($1), hashtext($2))", kind, name)
        try:
            yield bool(is_held)
        finally:
            if is_held:
                await connection.fetchval("select pg_advisory_unlock(hashtext($1), hashtext($2))", kind, name)
