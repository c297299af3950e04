"""The turns at hosts in the database: one pace for all that are on it, kept over restarts.

The clock is the database's, so that machines whose clocks differ still take turns.
"""

from __future__ import annotations

from scraper.pace import back_off_seconds
from scraper.store.database import Database, sql
from scraper.store.errors import NothingWritten


class SharedPace:
    """A `Pace` of everybody on one database. Raises what stops the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_turn(self, host: str, *, pause_seconds: float, most_seconds: float) -> float | None:
        """See `Pace.take_turn`."""
        row = await self._database.fetchrow("take_turn", host, pause_seconds, most_seconds)
        return float(row["wait_seconds"]) if row else None

    async def wait_seconds(self, host: str) -> float:
        """See `Pace.wait_seconds`."""
        row = await self._database.fetchrow("wait_for_host", host)
        return float(row["wait_seconds"]) if row else 0.0

    async def back_off(self, host: str, told_seconds: float | None) -> float:
        """See `Pace.back_off`."""
        async with self._database.connection() as connection, connection.transaction():
            refused = await connection.fetchrow(sql("host_refused"), host)
            if refused is None:
                raise NothingWritten(f"the refusal of {host}")
            seconds = back_off_seconds(refused["refusals"], told_seconds)
            left = await connection.fetchrow(sql("leave_host_alone"), host, seconds)
            if left is None:
                raise NothingWritten(f"the back-off of {host}")
        return float(left["wait_seconds"])

    async def answered(self, host: str) -> None:
        """See `Pace.answered`."""
        await self._database.fetch("host_answered", host)
