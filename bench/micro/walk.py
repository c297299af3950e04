"""A walk through every due post in pages, and what this process held on the way."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass
from datetime import datetime

import psutil

from memory.processes import own_bytes
from scraper.store.database import Database
from scraper.store.pagination import PaginatedQuery
from scraper.store.posts import BEFORE_ALL

LOOKS = 200
"""About so many looks at our memory on the way."""

Key = tuple[datetime, int]
"""When a post is due, and its row: what due posts are ordered and paged by."""

START: Key = (BEFORE_ALL, 0)


@dataclass(frozen=True, slots=True)
class Walk:
    """What was seen. `is_in_order`: each key was greater than the one before, so that no row came twice.

    Bytes are what this process holds that is backed by no file.
    """

    rows: int
    is_in_order: bool
    seconds: float
    before_bytes: int
    held_bytes: tuple[int, ...]


def due_from(database: Database, start: Key, *, until: datetime, rows_a_page: int) -> PaginatedQuery:
    """Posts that are due at `until`, in pages, from behind `start` on: the query of the metrics scraper."""
    return PaginatedQuery(
        database,
        "due_posts",
        key=("due_at", "id"),
        start=start,
        arguments=(until, until, None),
        rows_a_page=rows_a_page,
    )


async def page_ending_at(database: Database, row: int, rows_a_page: int) -> Key:
    """Where to start for the page whose last row is the `row`-th."""
    before = row - rows_a_page
    if before <= 0:
        return START
    found = await database.pool.fetchrow(
        "select due_at, id from posts order by due_at, id offset $1 limit 1", before - 1
    )
    if found is None:
        raise ValueError(f"there are fewer than {row} posts")
    return found["due_at"], found["id"]


async def walk(database: Database, *, until: datetime, rows_a_page: int) -> Walk:
    """Page through all that is due at `until`."""
    total = int(await database.pool.fetchval("select count(*) from posts where due_at <= $1", until))
    every = max(1, total // rows_a_page // LOOKS)
    gc.collect()
    before, held, rows, last, in_order = _held_bytes(), [], 0, START, True
    started = time.perf_counter()
    pages = 0
    async for page in due_from(database, START, until=until, rows_a_page=rows_a_page):
        for row in page:
            key = (row["due_at"], row["id"])
            in_order = in_order and key > last
            last = key
        rows += len(page)
        if pages % every == 0:
            held.append(_held_bytes())
        pages += 1
    return Walk(rows, in_order, time.perf_counter() - started, before, tuple(held))


def _held_bytes() -> int:
    return own_bytes(os.getpid()) or int(psutil.Process().memory_info().rss)
