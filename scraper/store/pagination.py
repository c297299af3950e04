"""Reading a long table in pages, by key, as much at a time as memory allows.

Paging by key costs the same at row 100 and at row 1,000,000, and a row that is changed behind the cursor is neither
seen twice nor missed. One page is held at a time. Before each page memory is looked at: tight, and the page is
halved; calm again, and it grows back; in an emergency the reading stops and says so, unless it is critical: then it
goes on with the smallest page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from memory import Level, MemoryMonitor
from scraper.store.database import Database

FLOOR_ROWS = 2


class PaginatedQuery:
    """Iterate it once. Afterwards `stopped_early` tells why it did not reach the end, or is None.

    The query's first parameters are the key of the last row seen, then the number of rows wanted, then `arguments`;
    its rows are in the order of `key`.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        key: Sequence[str],
        start: Sequence[Any],
        arguments: Sequence[Any] = (),
        rows_a_page: int = 20,
        monitor: MemoryMonitor | None = None,
        is_critical: bool = False,
    ) -> None:
        self._database = database
        self._name = name
        self._key = tuple(key)
        self._last = tuple(start)
        self._arguments = tuple(arguments)
        self._full_rows = rows_a_page
        self._rows = rows_a_page
        self._monitor = monitor
        self._is_critical = is_critical
        self.stopped_early: str | None = None

    async def __aiter__(self) -> AsyncIterator[list[asyncpg.Record]]:
        while True:
            level = self._monitor.check_memory().level if self._monitor else Level.NORMAL
            if level is Level.EMERGENCY and not self._is_critical:
                self.stopped_early = "memory is at the level emergency"
                return
            self._rows = page_rows(self._rows, self._full_rows, level)
            page = await self._database.fetch(self._name, *self._last, self._rows, *self._arguments)
            if page:
                self._last = tuple(page[-1][column] for column in self._key)
                yield page
            if len(page) < self._rows:
                return


def page_rows(rows: int, full_rows: int, level: Level) -> int:
    """How many rows the next page may have: half when memory is tight, twice when it is not, within bounds.

    In an emergency it is the smallest page at once.
    """
    if level is Level.EMERGENCY:
        return min(FLOOR_ROWS, full_rows)
    if level > Level.NORMAL:
        return max(min(FLOOR_ROWS, full_rows), rows // 2)
    return min(full_rows, rows * 2)
