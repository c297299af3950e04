"""`make soak`: the whole program for hours on a site that leaks. Is it as well in the morning?

`tidegate serve` runs in a memory cgroup of its own, the embedded database with it; the site is outside. Every post is
a page that leaks, and every post is followed as if it were new: it is due five minutes after it was read. From the
outside it is looked at what the kernel counts, how fresh the rows are, and which alarms are raised; at the end every
row is compared with the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from bench.cgroup import Cgroup, memory_cgroup
from bench.measuring import MIB, last_words
from bench.workloads import LEAK_MB, SEED
from scraper.post import METRICS
from scraper.store.database import sql
from scraper.store.embedded import EmbeddedPostgres
from tidegate.demo import DemoSite, Post
from tidegate.demo_run import FEEDS, FOLDER, SITE

POSTS: Final = 400
DUE_AGAIN: Final = timedelta(minutes=5)
"""As for a post that is less than an hour old."""
SCHEDULES: Final = {"metrics_scraper": "every 1m", "reply_harvester": "every 5m"}
"""More often than usual; the other jobs as they are."""
SAMPLE_SECONDS: Final = 10.0
PARTS: Final = 10
BRING_FORWARD_SECONDS: Final = 5.0
START_SECONDS: Final = 180.0
END_SECONDS: Final = 60.0
READY_SECONDS: Final = 5.0
_ROOT: Final = Path(__file__).parent.parent

BRING_FORWARD: Final = (
    "update posts set due_at = last_read_at + $1::interval"
    " where state = 'followed' and task is null and last_outcome = 'ok' and due_at > last_read_at + $1::interval"
)
LOOK: Final = """
select (select count(*) from snapshots) as snapshots,
    (select count(*) from page_outcomes where outcome <> 'ok') as not_ok,
    (select extract(epoch from clock_timestamp() - max(taken_at)) from snapshots) as newest_seconds,
    (select extract(epoch from clock_timestamp() - min(coalesce(last_read_at, added_at))) from posts)
        as oldest_seconds,
    (select count(*) from posts where state <> 'followed') as not_followed,
    (select count(*) from alarms where cleared_at is null) as alarms
"""
ROWS: Final = """
select s.id, p.post_id, p.author, p.text, s.due_at, s.post, s.likes, s.reposts, s.replies, s.views, s.bookmarks
from snapshots s join posts p on p.id = s.post where s.id > $1 order by s.id limit 5000
"""
OUTCOMES: Final = "select outcome, count(*)::integer as n from page_outcomes group by 1 order by 2 desc"
RUNS: Final = "select job, status, count(*)::integer as n from job_runs group by 1, 2 order by 1, 2"
ALARMS: Final = "select job, kind, says, raised_at, cleared_at from alarms order by raised_at"


class DidNotStart(Exception):
    """The program ended, or read nothing; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look from outside. Bytes and seconds.

    `used_bytes` is what can't be had back for the asking, `anonymous_bytes` what is in no file; both by the kernel,
    of the whole cgroup. `newest_seconds` is the age of the last row, `oldest_seconds` how long the post that has
    waited longest was not read; None before the first.
    """

    seconds: float
    used_bytes: int
    anonymous_bytes: int
    processes: int
    descriptors: int
    snapshots: int
    not_ok: int
    newest_seconds: float | None
    oldest_seconds: float | None
    not_followed: int
    alarms: int
    is_ready: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the time. What is held is the median of its samples; of the two ages it is the worst.

    `rows_per_second` is between the two samples in which it was fastest: most of the time nothing is due.
    """

    first_seconds: float
    last_seconds: float
    rows: int
    rows_per_second: float
    used_bytes: float
    anonymous_bytes: float
    newest_seconds: float
    oldest_seconds: float
    processes: float
    descriptors: float


@dataclass(frozen=True, slots=True)
class Looking:
    """The group it runs in, a pool of connections to its database, and where it says whether it is ready."""

    group: Cgroup
    database: asyncpg.Pool[asyncpg.Record]
    readiness_url: str

    async def sample(self, seconds: float) -> Sample | None:
        """One look; None where the database does not answer for a moment."""
        try:
            row = await self.database.fetchrow(LOOK)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        if row is None:
            return None
        pids = self.group.pids
        return Sample(
            seconds=round(seconds, 1),
            used_bytes=self.group.used_bytes,
            anonymous_bytes=self.group.anonymous_bytes,
            processes=len(pids),
            descriptors=sum(_descriptors(pids)),
            snapshots=row["snapshots"],
            not_ok=row["not_ok"],
            newest_seconds=_rounded(row["newest_seconds"]),
            oldest_seconds=_rounded(row["oldest_seconds"]),
            not_followed=row["not_followed"],
            alarms=row["alarms"],
            is_ready=await asyncio.to_thread(_is_ready, self.readiness_url),
        )


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=READY_SECONDS) as answer:  # noqa: S310 our own, on loopback
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass(slots=True)
class Night:
    """All of it. `wrong` and `doubled` are rows, `never_read` posts, `left` what was still there after the end."""

    posts: int
    limit_mib: int | None
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    rows: int = 0
    wrong: int = 0
    doubled: int = 0
    never_read: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    runs: dict[str, dict[str, int]] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    peak_bytes: int | None = None
    limit_hits: int | None = None
    oom_kills: int | None = None
    cpu_seconds: float | None = None
    drain_seconds: float = 0.0
    exit_code: int | None = None
    left: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(self)

    def parts(self, number: int = PARTS) -> list[Part]:
        """The time cut into equal parts, those that have two samples at least."""
        found = []
        for index in range(number):
            first, last = self.seconds * index / number, self.seconds * (index + 1) / number
            its = [sample for sample in self.samples if first <= sample.seconds <= last]
            if len(its) > 1:
                found.append(
                    Part(
                        first,
                        last,
                        its[-1].snapshots - its[0].snapshots,
                        max(
                            (later.snapshots - earlier.snapshots) / (later.seconds - earlier.seconds)
                            for earlier, later in itertools.pairwise(its)
                        ),
                        statistics.median(sample.used_bytes for sample in its),
                        statistics.median(sample.anonymous_bytes for sample in its),
                        max((sample.newest_seconds or 0.0 for sample in its), default=0.0),
                        max((sample.oldest_seconds or 0.0 for sample in its), default=0.0),
                        statistics.median(sample.processes for sample in its),
                        statistics.median(sample.descriptors for sample in its),
                    )
                )
        return found


async def night(seconds: float, limit_mib: int | None, posts: int, tell: Callable[[Sample], None]) -> Night:
    """Let it run for so long; `tell` gets each sample. Raises `NoCgroup` and `DidNotStart`.

    Ctrl-C ends it early, and what was seen until then is the result.
    """
    found = Night(posts, limit_mib)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-night-", dir="/var/tmp")))
        _let_others_pass(folder)
        group = stack.enter_context(memory_cgroup(None if limit_mib is None else limit_mib * MIB))
        leaks = {post.id: f"leaky:{LEAK_MB}" for post in DemoSite(seed=SEED, posts=posts).world.posts}
        async with DemoSite(seed=SEED, posts=posts, troubles=leaks) as site:
            async with _program(group, folder) as (process, looking):
                await _follow(looking.database, site)
                began = time.monotonic()
                await _watch(found, seconds, process, looking, tell)
                found.seconds = time.monotonic() - began
                await _compare(found, looking.database, site)
                found.cpu_seconds, found.peak_bytes = group.cpu_seconds, group.peak_bytes
                found.limit_hits, found.oom_kills = group.limit_hits, group.oom_kills
                await _end(found, process)
            found.left = [*_words_of(group.pids), *(f"folder {path.name}" for path in (folder / "tmp").iterdir())]
    return found


@asynccontextmanager
async def _program(group: Cgroup, folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Looking]]:
    """`tidegate serve` in the group, and how to look at it."""
    port = _free_port()
    server = EmbeddedPostgres(folder / "data")
    async with AsyncExitStack() as stack:
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *group.within([sys.executable, "-m", "tidegate.cli", "serve"]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=_ROOT,
                env=_environment(folder, port, os.environ),
                start_new_session=True,
            )
        stack.callback(_kill, process)
        pool = await stack.enter_async_context(
            asyncpg.create_pool(server.dsn, min_size=0, max_size=2, command_timeout=30)
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await _answers(pool):
                    if process.returncode is not None:
                        raise DidNotStart(last_words((folder / "log").read_text(errors="replace")))
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise DidNotStart(last_words((folder / "log").read_text(errors="replace"))) from None
        yield process, Looking(group, pool, f"http://127.0.0.1:{port}/readyz")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _let_others_pass(folder: Path) -> None:
    """The user whom Postgres runs as, where we are root."""
    folder.chmod(0o755)
    (folder / "tmp").mkdir()


def _environment(folder: Path, port: int, above: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in above.items() if not name.startswith("TIDEGATE_")}
    if "TIDEGATE_CHROMIUM" in above:
        kept["TIDEGATE_CHROMIUM"] = above["TIDEGATE_CHROMIUM"]
    return kept | {
        "TIDEGATE_DATA_DIR": str(folder / "data"),
        "TIDEGATE_SITES_DIR": str(FOLDER),
        "TIDEGATE_ALLOW_PRIVATE": "true",
        "TIDEGATE_DASHBOARD": f"127.0.0.1:{port}",
        "TIDEGATE_SCHEDULES": json.dumps(SCHEDULES),
        "TIDEGATE_TOPICS": '["memory", "tides"]',
        "TMPDIR": str(folder / "tmp"),
    }


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


async def _answers(pool: asyncpg.Pool[asyncpg.Record]) -> bool:
    """Whether the database is there, brought up to date, and with schedules in it: a worker has begun."""
    try:
        return bool(await pool.fetchval("select count(*) from schedules"))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def _follow(look: asyncpg.Pool[asyncpg.Record], site: DemoSite) -> None:
    await look.executemany(sql("add_post"), [(SITE, post.id, site.post_url(post)) for post in site.world.posts])
    handles = list(dict.fromkeys(post.author.handle for post in site.world.posts))
    await look.executemany(
        sql("add_target"), [(SITE, site.url + feed.format(*handles), None, None) for feed in FEEDS]
    )


async def _watch(
    found: Night,
    seconds: float,
    process: asyncio.subprocess.Process,
    looking: Looking,
    tell: Callable[[Sample], None],
) -> None:
    began = time.monotonic()
    bringing = asyncio.create_task(_bring_forward(looking.database))
    try:
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C: what was seen is kept
            while (passed := time.monotonic() - began) < seconds and process.returncode is None:
                if (sample := await looking.sample(passed)) is not None:
                    found.samples.append(sample)
                    tell(sample)
                await asyncio.sleep(SAMPLE_SECONDS)
    finally:
        bringing.cancel()


async def _bring_forward(look: asyncpg.Pool[asyncpg.Record]) -> None:
    while True:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await look.execute(BRING_FORWARD, DUE_AGAIN)
        await asyncio.sleep(BRING_FORWARD_SECONDS)


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 1)


def _descriptors(pids: list[int]) -> Iterator[int]:
    for pid in pids:
        with contextlib.suppress(OSError):
            yield sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def _compare(found: Night, look: asyncpg.Pool[asyncpg.Record], site: DemoSite) -> None:
    """Every row with the truth, which did not change meanwhile."""
    truth = {post.id: post for post in site.world.posts}
    seen: set[str] = set()
    occasions: set[tuple[int, Any]] = set()
    last = 0
    while rows := await look.fetch(ROWS, last):
        last = rows[-1]["id"]
        found.rows += len(rows)
        for row in rows:
            seen.add(row["post_id"])
            found.wrong += not _is_true(row, truth.get(row["post_id"]))
            occasions.add((row["post"], row["due_at"]))
    found.doubled = found.rows - len(occasions)
    found.never_read = len(truth.keys() - seen)
    found.outcomes = {row["outcome"]: row["n"] for row in await look.fetch(OUTCOMES)}
    for row in await look.fetch(RUNS):
        found.runs.setdefault(row["job"], {})[row["status"]] = row["n"]
    found.alarms = [f"{row['job']} {row['kind']}: {row['says']}" for row in await look.fetch(ALARMS)]


def _is_true(row: asyncpg.Record, post: Post | None) -> bool:
    if post is None or (row["author"], row["text"]) != (post.author.handle, post.text):
        return False
    return all(row[metric] == getattr(post.metrics, metric) for metric in METRICS if metric != "score")


async def _end(found: Night, process: asyncio.subprocess.Process) -> None:
    began = time.monotonic()
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)
    found.exit_code, found.drain_seconds = process.returncode, time.monotonic() - began


def _words_of(pids: list[int]) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            yield " ".join(psutil.Process(pid).cmdline())[:200] or f"pid {pid}"
