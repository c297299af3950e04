"""What the store costs: a page of a long table, snapshots written, and what a row and a connection take.

All against an embedded Postgres as users get it, on the machine that runs the measuring program too: both share its
cores. The table is long when snapshots are written, so that the posts they touch are not all in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil

from bench.micro.figures import Figure, rate, spread
from bench.micro.server import scratch_server
from bench.micro.walk import Key, due_from, page_ending_at, walk
from bench.simulated import NOW, fill, page_of
from jobs import Status
from jobs.metrics_scraper import PAGES_A_TASK, ROWS_A_PAGE
from memory.processes import below, process_tree, total_bytes
from scraper.store import posts, runs
from scraper.store.database import Database
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.posts import FollowedPost

ROWS = 1_000_000
NEAR_ROW = 100
LOOKS = 300
WALK_ROWS_A_PAGE = 200
SNAPSHOTS = 600
ROUNDS = 3
WRITERS = (1, 2, 4)
CONNECTIONS = 10
SYNCS = 100
RUN_SECONDS = 150.0
CONNECT_SECONDS = 10.0
MIB = 1 << 20


async def measure(*, rows: int = ROWS) -> list[Figure]:
    """All figures of this room. Raises `DatabaseUnavailable` where no Postgres can be had."""
    async with scratch_server() as server:
        async with Database(server.dsn) as database:
            figures = await paging(database, rows=rows)
            figures += await writing(database, server, snapshots=SNAPSHOTS, rounds=ROUNDS)
        figures.append(await connection_memory(server))
        return [*figures, await asyncio.to_thread(disk_sync, server.folder)]


async def paging(
    database: Database, *, rows: int, looks: int = LOOKS, rows_a_page: int = WALK_ROWS_A_PAGE
) -> list[Figure]:
    """One page of due posts at row 100 and at the last row, in turn; then all of them, and what this process held.

    Takes an empty database, and leaves it with so many posts.
    """
    await fill(database, rows)
    size = await _size(database, "posts")
    near = await page_ending_at(database, NEAR_ROW, ROWS_A_PAGE)
    last = await page_ending_at(database, rows, ROWS_A_PAGE)
    times: dict[Key, list[float]] = {near: [], last: []}
    for _, place in itertools.product(range(looks), times):
        times[place].append(await _page_milliseconds(database, place))
    by_offset = await _offset_milliseconds(database, rows - ROWS_A_PAGE)
    walked = await walk(database, until=NOW, rows_a_page=rows_a_page)
    note = f"{ROWS_A_PAGE} rows, paged by key"
    held = [one / MIB for one in walked.held_bytes]
    return [
        spread("store.page_at_row_100", "a page of due posts that ends at row 100", "ms", times[near], note=note),
        spread(
            "store.page_at_last_row", f"a page of due posts that ends at row {rows:,}", "ms", times[last], note=note
        ),
        Figure(
            "store.page_by_offset",
            f"the same page by OFFSET, which the program never does, at row {rows:,}",
            "ms",
            by_offset,
        ),
        Figure("store.rows_paged", f"rows seen, each once, in pages of {rows_a_page}", "rows", walked.rows),
        Figure(
            "store.paging_speed", "rows read while paging through all of them", "1/s", walked.rows / walked.seconds
        ),
        Figure("store.held_before", "our process before paging", "MiB", walked.before_bytes / MIB),
        Figure("store.held_early", "our process at a tenth of the way", "MiB", held[len(held) // 10]),
        Figure(
            "store.held_late", "our process at the last page", "MiB", held[-1], max(held), "and its fullest moment"
        ),
        Figure("store.post_bytes", "a followed post on disk, indexes included", "bytes", size / rows),
    ]


async def writing(database: Database, server: EmbeddedPostgres, *, snapshots: int, rounds: int) -> list[Figure]:
    """Snapshots written as the program writes them, by one, two and four writers in turn, so many by each.

    Takes a database with posts, at least as many as one round of one number of writers writes.
    """
    rates: dict[int, list[float]] = {writers: [] for writers in WRITERS}
    alone: list[float] = []
    cpu = _cpu_seconds(server)
    for number, writers in itertools.product(range(rounds), WRITERS):
        started = time.perf_counter()
        taken = await _write(database, writers=writers, snapshots=snapshots, seed=number)
        rates[writers].append(snapshots / (time.perf_counter() - started))
        alone += taken if writers == 1 else []
    cpu_seconds = sum(now - cpu.get(pid, 0.0) for pid, now in _cpu_seconds(server).items())
    written = int(await database.pool.fetchval("select count(*) from snapshots"))
    note = f"{PAGES_A_TASK} pages a transaction: the snapshot, the outcome, and when the post is due again"
    return [
        *(
            rate(f"store.snapshots_by_{writers}", f"snapshots written, writers: {writers}", of, note=note)
            for writers, of in rates.items()
        ),
        spread(
            "store.batch_write",
            f"a transaction of {PAGES_A_TASK} pages, one writer",
            "ms",
            [one * 1e3 for one in alone],
        ),
        Figure(
            "store.snapshot_server_cpu",
            "what Postgres itself takes of one core for a snapshot and all that goes with it",
            "µs",
            cpu_seconds / written * 1e6,
        ),
        Figure(
            "store.snapshot_bytes",
            "a snapshot on disk, indexes included",
            "bytes",
            await _size(database, "snapshots") / written,
        ),
        Figure(
            "store.outcome_bytes",
            "the outcome of a page on disk, indexes included",
            "bytes",
            await _size(database, "page_outcomes") / written,
        ),
    ]


async def connection_memory(server: EmbeddedPostgres, *, connections: int = CONNECTIONS) -> Figure:
    """What the server holds more of (PSS) for a connection that has asked one thing and is idle."""
    before = await _held_bytes(server)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(connections):
            connection = await asyncpg.connect(server.dsn, timeout=CONNECT_SECONDS)
            stack.push_async_callback(connection.close, timeout=CONNECT_SECONDS)
            await connection.fetch("select id from posts order by id limit 20", timeout=CONNECT_SECONDS)
        taken = (await _held_bytes(server) - before) / connections
    return Figure(
        "store.connection_memory",
        "an idle connection, in the memory of Postgres",
        "MiB",
        taken / MIB,
        note=f"{connections} of them, by PSS",
    )


def disk_sync(folder: Path, *, times: int = SYNCS) -> Figure:
    """What the disk takes to keep a page of 8 KiB for good: every commit waits for one. Blocking."""
    taken: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            started = time.perf_counter()
            os.pwrite(file.fileno(), bytes(8192), 0)
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - started) * 1e3)
    return spread(
        "store.disk_sync", "8 KiB written and synced to this disk, which every commit waits for", "ms", taken
    )


async def _page_milliseconds(database: Database, start: Key) -> float:
    started = time.perf_counter()
    async for _ in due_from(database, start, until=NOW, rows_a_page=ROWS_A_PAGE):
        break
    return (time.perf_counter() - started) * 1e3


async def _offset_milliseconds(database: Database, offset: int) -> float:
    started = time.perf_counter()
    await database.pool.fetch(
        "select id, site, post_id, url, due_at from posts where due_at <= $1 order by due_at, id offset $2 limit $3",
        *(NOW, offset, ROWS_A_PAGE),
    )
    return (time.perf_counter() - started) * 1e3


async def _write(database: Database, *, writers: int, snapshots: int, seed: int) -> list[float]:
    """Write so many snapshots of posts that lie anywhere in the table. Returns the seconds of each transaction."""
    run = await _begin(database)
    count = int(await database.pool.fetchval("select count(*) from posts"))
    chosen = random.Random(seed).sample(range(count), snapshots)
    first = int(await database.pool.fetchval("select min(id) from posts"))
    due = await _due(database, [first + row for row in chosen])
    batches = iter([[page_of(post) for post in some] for some in _cut(due, PAGES_A_TASK)])
    seconds: list[float] = []

    async def write() -> None:
        for batch in batches:
            started = time.perf_counter()
            await posts.record_pages(database, run, batch)
            seconds.append(time.perf_counter() - started)

    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
            group.create_task(write())
    async with database.connection() as connection:
        await runs.finish(connection, run, status=Status.SUCCESS, reason=None)
    return seconds


async def _begin(database: Database) -> int:
    run = await runs.start(database, "bench", uuid4(), worker="bench", deadline_seconds=RUN_SECONDS)
    if run is None:
        raise RuntimeError("another run writes into the same database: take an empty one")
    return run.number


async def _due(database: Database, rows: Sequence[int]) -> list[FollowedPost]:
    """The posts in the order of `rows`."""
    found = await database.pool.fetch(
        "select id, site, post_id, url, due_at from posts where id = any ($1::bigint[])", rows
    )
    due = {row["id"]: posts.followed(row) for row in found}
    return [due[row] for row in rows]


def _cut(due: Sequence[FollowedPost], size: int) -> Iterator[Sequence[FollowedPost]]:
    for start in range(0, len(due), size):
        yield due[start : start + size]


async def _size(database: Database, table: str) -> int:
    return int(await database.pool.fetchval("select pg_total_relation_size($1::text::regclass)", table))


def _cpu_seconds(server: EmbeddedPostgres) -> dict[int, float]:
    """What each process of the server has taken so far, by pid."""
    root, taken = psutil.Process(server.pid), {}
    for process in (root, *root.children(recursive=True)):
        # A worker of autovacuum may end while we look.
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            taken[process.pid] = times.user + times.system
    return taken


async def _held_bytes(server: EmbeddedPostgres) -> int:
    pid = server.pid or 0
    return total_bytes(below(await asyncio.to_thread(process_tree, (pid,)), pid))
