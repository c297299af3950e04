"""Reading a long table in pages, by key, as much at a time as memory allows.

Paging by key costs the same at row 100 and at row 1,000,000, and a row that is changed behind the cursor is neither
seen twice nor missed. One page is held at a time. Before each page memory is looked at, as `memory.batching` does it:
tight, and the page is halved; calm again, and it grows back; critical, and the reading cleans up, waits a
while, and then stops and says so, unless it is critical itself: then it goes on with the smallest page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from memory import BatchPacer, BatchPolicy, MemoryMonitor
from scraper.store.database import Database

FLOOR_ROWS = 2


class PaginatedQuery:
    """Iterate it once. Afterwards `stopped_early` tells why it did not reach the end, or is None.

    The query's first parameters are the key of the last row seen, then the number of rows wanted, then `arguments`;
    its rows are in the order of `key`. Without a monitor every page is full. `wait_seconds` is how long it waits for
    memory before it stops.

    Raises ValueError for pages of less than a row, or a time that is none.
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
        wait_seconds: float = 30.0,
    ) -> None:
        self._database = database
        self._name = name
        self._key = tuple(key)
        self._last = tuple(start)
        self._arguments = tuple(arguments)
        self._policy = BatchPolicy(rows_a_page, min(FLOOR_ROWS, rows_a_page), wait_seconds=wait_seconds)
        self._pacer = BatchPacer(monitor, self._policy, what=name, is_critical=is_critical) if monitor else None

    @property
    def stopped_early(self) -> str | None:
        """Why it did not reach the end, in words and numbers; None if it did, or is still on its way."""
        return self._pacer.stopped_early if self._pacer else None

    async def __aiter__(self) -> AsyncIterator[list[asyncpg.Record]]:
        while (rows := await self._next_rows()) is not None:
            page = await self._database.fetch(self._name, *self._last, rows, *self._arguments)
            if page:
                self._last = tuple(page[-1][column] for column in self._key)
                yield page
            if len(page) < rows:
                return
            # The pacer may wait: no page is held meanwhile.
            del page

    async def _next_rows(self) -> int | None:
        return await self._pacer.next_size() if self._pacer else self._policy.size
