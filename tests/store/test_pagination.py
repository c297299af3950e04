"""Long tables in pages: every row once, as much at a time as memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from memory import Bound, Level, LevelPolicy, MemoryMonitor, MemorySource, Reading, WatchPolicy
from scraper.store import posts
from scraper.store.database import Database
from scraper.store.pagination import PaginatedQuery

pytestmark = pytest.mark.database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FULL = {Level.NORMAL: 10, Level.ELEVATED: 79, Level.CRITICAL: 90, Level.EMERGENCY: 99}


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
    source, watch = Levels((Level.NORMAL, *levels)), WatchPolicy(look_every_seconds=0.001)
    return MemoryMonitor(source, levels=LevelPolicy(calm_seconds=0), watch=watch)


async def fill(database: Database, count: int) -> None:
    await database.pool.execute(
        "insert into posts (site, post_id, url, due_at) "
        "select 'demo', n::text, 'u', $1::timestamptz - interval '1 day' from generate_series(1, $2::integer) n",
        NOW,
        count,
    )


def query(
    database: Database,
    *,
    rows: int,
    monitor: MemoryMonitor | None = None,
    is_critical: bool = False,
    wait_seconds: float = 0.0,
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
        wait_seconds=wait_seconds,
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
    levels = (Level.NORMAL, Level.ELEVATED, Level.ELEVATED, Level.ELEVATED, Level.ELEVATED, Level.NORMAL)
    pages = query(database, rows=16, monitor=monitored(*levels))
    sizes = [len(page) async for page in pages]
    assert sizes[:9] == [16, 8, 4, 2, 2, 4, 8, 16, 16]
    assert sum(sizes) == 100
    assert pages.stopped_early is None


@pytest.mark.parametrize("level", (Level.CRITICAL, Level.EMERGENCY))
async def test_it_stops_where_memory_stays_short_says_so_and_keeps_what_it_gave(
    database: Database, level: Level
) -> None:
    await fill(database, 100)
    pages = query(database, rows=16, monitor=monitored(Level.NORMAL, Level.NORMAL, level))
    seen = [int(row["post_id"]) async for page in pages for row in page]
    assert seen == list(range(1, 33))
    assert pages.stopped_early is not None
    assert pages.stopped_early.startswith(f"memory stayed at the level {level.name.lower()}")


async def test_it_waits_for_memory_and_goes_on_where_it_was(database: Database) -> None:
    await fill(database, 40)
    levels = (Level.NORMAL, *[Level.CRITICAL] * 20, Level.NORMAL)
    pages = query(database, rows=16, monitor=monitored(*levels), wait_seconds=60)
    seen = [int(row["post_id"]) async for page in pages for row in page]
    assert seen == list(range(1, 41))
    assert pages.stopped_early is None


async def test_what_is_critical_goes_on_in_an_emergency_with_the_smallest_page(database: Database) -> None:
    await fill(database, 9)
    pages = query(database, rows=16, monitor=monitored(Level.EMERGENCY), is_critical=True)
    sizes = [len(page) async for page in pages]
    assert sizes == [2, 2, 2, 2, 1]
    assert pages.stopped_early is None


async def test_a_page_may_be_a_single_row_and_not_less(database: Database) -> None:
    await fill(database, 3)
    pages = query(database, rows=1, monitor=monitored(Level.ELEVATED))
    assert [len(page) async for page in pages] == [1, 1, 1]
    with pytest.raises(ValueError, match="size is a whole number, 1 or more, not 0"):
        query(database, rows=0)
