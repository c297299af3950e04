"""Rows that a test puts into a database, or looks for in it."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg


def run_sql(dsn: str, statement: str, *values: Any) -> list[Any]:
    """What `statement` gives, run in a connection of its own."""

    async def work() -> list[Any]:
        connection = await asyncpg.connect(dsn, timeout=30)
        try:
            return await connection.fetch(statement, *values, timeout=60)
        finally:
            await connection.close(timeout=30)

    return asyncio.run(work())
