"""Long tables in pages: every row once, as much at a time as memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import Bound, Level, LevelPolicy, MemoryMonitor, MemorySource, Reading
from scraper.store import posts
from scraper.store.database import Database
from scraper.store.pagination import FLOOR_ROWS, PaginatedQuery, page_rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FULL = {Level.NORMAL: 10, Level.ELEVATED: 80, Level.CRITICAL: 90, Level.EMERGENCY: 99}


class Levels(MemorySource):
    """Says one level after the other, a level a look, and the last for ever."""

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__()
        self.looks = 0
        self._levels = levels

    def read(self) -> Reading:
        level = self._levels[min(self.looks, len(self._levels) - 1)]
        self.looks += 1
        return Reading(float(self.looks), (Bound("cgroup v2", "", 100, FULL[level]),), None, None)


def monitored(*levels: Level) -> MemoryMonitor:
    # The monitor itself looks once when it is made.
    return MemoryMonitor(Levels((Level.NORMAL, *levels)), levels=LevelPolicy(calm_seconds=0))


async def fill(database: Database, count: int) -> None:
    await database.pool.execute(
        "insert into posts (site, post_id, url, due_at) "
        "select 'demo', n::text, 'u', $1::timestamptz - interval '1 day' from generate_series(1, $2::integer) n",
        NOW,
        count,
    )


def query(
    database: Database, *, rows: int, monitor: MemoryMonitor | None = None, is_critical: bool = False
) -> PaginatedQuery:
    return PaginatedQuery(
        database,
        "due_posts",
        key=("due_at", "id"),
        start=(posts.BEFORE_ALL, 0),
        arguments=(NOW, NOW, None),
        rows_a_page=rows,
        monitor=monitor,
        is_critical=is_critical,
    )


@pytest.mark.parametrize("count", (0, 1, 6, 7, 8, 21))
async def test_every_row_is_seen_once_in_order_whatever_the_last_page_holds(database: Database, count: int) -> None:
    await fill(database, count)
    pages = query(database, rows=7)
    seen = [int(row["post_id"]) async for page in pages for row in page]
    assert seen == list(range(1, count + 1))
    assert pages.stopped_early is None


async def test_rows_that_change_behind_the_cursor_are_neither_seen_again_nor_make_others_be_missed(
    database: Database,
) -> None:
    await fill(database, 30)
    seen: list[int] = []
    async for page in query(database, rows=4):
        ids = [int(row["post_id"]) for row in page]
        seen += ids
        # Read: due again later. And others vanish behind the cursor, or are added there.
        await database.pool.execute(
            "update posts set due_at = $1::timestamptz + interval '1 hour' where post_id = any($2)",
            NOW,
            [str(ids[0])],
        )
        await database.pool.execute("delete from posts where post_id = $1", str(ids[-1]))
        await database.pool.execute(
            "insert into posts (site, post_id, url, due_at) values ('late', $1, 'u', $2)",
            f"{1000 + ids[0]}",
            NOW - timedelta(days=3),
        )
    assert seen == list(range(1, 31))


async def test_one_page_is_held_at_a_time(database: Database) -> None:
    await fill(database, 20)
    sizes = [len(page) async for page in query(database, rows=6)]
    assert sizes == [6, 6, 6, 2]


async def test_a_page_is_halved_while_memory_is_tight_and_grows_back(database: Database) -> None:
    await fill(database, 100)
    levels = (Level.NORMAL, Level.ELEVATED, Level.CRITICAL, Level.CRITICAL, Level.CRITICAL, Level.NORMAL)
    pages = query(database, rows=16, monitor=monitored(*levels))
    sizes = [len(page) async for page in pages]
    assert sizes[:9] == [16, 8, 4, 2, 2, 4, 8, 16, 16]
    assert sum(sizes) == 100
    assert pages.stopped_early is None


async def test_it_stops_in_an_emergency_says_so_and_keeps_what_it_gave(database: Database) -> None:
    await fill(database, 100)
    pages = query(database, rows=16, monitor=monitored(Level.NORMAL, Level.NORMAL, Level.EMERGENCY))
    seen = [int(row["post_id"]) async for page in pages for row in page]
    assert seen == list(range(1, 33))
    assert pages.stopped_early == "memory is at the level emergency"


async def test_what_is_critical_goes_on_in_an_emergency_with_the_smallest_page(database: Database) -> None:
    await fill(database, 9)
    pages = query(database, rows=16, monitor=monitored(Level.EMERGENCY), is_critical=True)
    sizes = [len(page) async for page in pages]
    assert sizes == [2, 2, 2, 2, 1]
    assert pages.stopped_early is None


@given(st.integers(1, 1000), st.lists(st.sampled_from(list(Level)), max_size=30))
def test_a_page_is_never_empty_nor_larger_than_asked_for(full: int, levels: list[Level]) -> None:
    rows = full
    for level in levels:
        before, rows = rows, page_rows(rows, full, level)
        assert min(FLOOR_ROWS, full) <= rows <= full
        assert rows <= before if level > Level.NORMAL else rows >= before
