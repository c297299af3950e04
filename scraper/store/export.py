"""Whole tables, row by row, for other programs: in the order of their ids, a page at a time, as memory allows.

No transaction stays open while somebody reads slowly. A row is never seen twice; one that is added meanwhile may be
seen or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from memory import MemoryMonitor
from scraper.store.database import Database, sql
from scraper.store.exportable import Exportable
from scraper.store.pagination import PaginatedQuery

ROWS_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export; `type` is Postgres's own name for it ("int8", "timestamptz")."""

    name: str
    type: str


async def columns_of(database: Database, table: Exportable) -> tuple[Column, ...]:
    """What each row has, in order; known of a table without rows, too."""
    async with database.connection() as connection:
        statement = await connection.prepare(sql(f"export_{table.value}"))
        return tuple(Column(one.name, one.type.name) for one in statement.get_attributes())


def rows_of(
    database: Database,
    table: Exportable,
    *,
    since: datetime | None = None,
    site: str | None = None,
    rows_a_page: int = ROWS_A_PAGE,
    monitor: MemoryMonitor | None = None,
) -> PaginatedQuery:
    """The rows of `table` in pages: of `site` where one is named, and only what is of `since` or later.

    A post is of when it was added or last read, a snapshot of when it was taken, an opportunity of when it was found,
    refreshed or closed, a draft of when it was written or decided on. While memory is short the pages are small, and
    it goes on: half a table is no export.
    """
    return PaginatedQuery(
        database,
        f"export_{table.value}",
        key=("id",),
        start=(0,),
        arguments=(since, site),
        rows_a_page=rows_a_page,
        monitor=monitor,
        is_critical=True,
    )
