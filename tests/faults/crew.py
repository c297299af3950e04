"""Real workers, each a process of its own, and the site and the database that they share."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from scraper.post import METRICS
from scraper.store import posts
from scraper.store.database import Database
from tidegate.demo import DemoSite
from tidegate.demo_run import FOLDER, compare
from tidegate.settings import JOBS

PATIENCE_SECONDS = 150.0
"""Long enough for any machine: what takes this long hangs."""
VALUES_A_POST = len(METRICS) - 1 + 3
"""What `compare` compares of each post."""
LOOK_SECONDS = 0.02


async def until(what: str, holds: Callable[[], Awaitable[Any]], *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until `holds` gives something true, and return that; a database that is gone is asked again."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    if found := await holds():
                        return found
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    pass
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"waited {seconds:.0f} s in vain until {what}") from None


class WorkerProcess:
    """One `tidegate` process that does jobs, and what it has said."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        self.name = log.stem
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 our own command
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code, once it has ended; negative for a signal."""
        return self._process.poll()

    @property
    def said(self) -> list[dict[str, Any]]:
        """The events of its log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.said if event.get("event") == name]

    def wrote(self, worker: str | None) -> bool:
        """Whether a row that names its worker means this one."""
        return worker is not None and worker.split(":")[1] == str(self.pid)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=PATIENCE_SECONDS)

    async def ready(self) -> None:
        async def is_ready() -> bool:
            assert self.is_alive, self.last_words()
            return bool(self.events("worker.ready"))

        await until("a worker is ready", is_ready)

    async def ended(self) -> int:
        """Wait for its end; its exit code."""

        async def has_ended() -> bool:
            return not self.is_alive

        await until("a worker has ended", has_ended)
        assert self.code is not None
        return self.code

    def browsers(self) -> list[psutil.Process]:
        """The Chromium processes below it that others hang on."""
        found = []
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if any("--headless" in word for word in words) and not any("--type=" in word for word in words):
                found.append(process)
        return found

    def last_words(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])


class Crew:
    """Workers of one database. Only the metrics scraper has a schedule, and it is due at once.

    `within` turns the command of a worker into one that runs somewhere special, such as a cgroup.
    """

    def __init__(self, dsn: str | None, folder: Path, **settings: str) -> None:
        self.dsn = dsn
        self.folder = folder
        self.workers: list[WorkerProcess] = []
        self.scratch = folder / "tmp"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.within: Callable[[Sequence[str]], Sequence[str]] = list
        self._numbers = itertools.count(1)
        off = {job: "off" for job in JOBS if job != "metrics_scraper"}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")},
            **({"TIDEGATE_DATABASE_URL": dsn} if dsn else {}),
            "TIDEGATE_DATA_DIR": str(folder / "data"),
            "TIDEGATE_SITES_DIR": str(FOLDER),
            "TIDEGATE_ALLOW_PRIVATE": "true",
            "TIDEGATE_MAX_CONTEXTS": "1",
            # Its port may be taken by somebody else's.
            "TIDEGATE_DASHBOARD": "off",
            "TIDEGATE_SCHEDULES": json.dumps({"metrics_scraper": "every 1d"} | off),
            "TMPDIR": str(self.scratch),
            **{f"TIDEGATE_{name.upper()}": value for name, value in settings.items()},
        }
        if "TIDEGATE_CHROMIUM" in os.environ:
            self._environment["TIDEGATE_CHROMIUM"] = os.environ["TIDEGATE_CHROMIUM"]

    def start(self, *words: str) -> WorkerProcess:
        """Start one more, `tidegate worker` unless told otherwise. Does not wait for it."""
        command = ("-m", "tidegate.cli", *(words or ("worker",)))
        return self.start_python(*command)

    def start_python(self, *words: str) -> WorkerProcess:
        """The same with any words for Python."""
        log = self.folder / f"worker-{next(self._numbers)}.log"
        worker = WorkerProcess(self.within([sys.executable, *words]), self._environment, log)
        self.workers.append(worker)
        return worker

    @property
    def alive(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.is_alive]

    def who_is(self, name: str | None) -> WorkerProcess | None:
        """The living worker that a row names."""
        return next((worker for worker in self.alive if worker.wrote(name)), None)

    async def ask_to_end(self) -> list[int]:
        """SIGTERM for all that live. Their exit codes."""
        living = self.alive
        for worker in living:
            worker.send(signal.SIGTERM)
        return [await worker.ended() for worker in living]

    def left_over(self) -> list[str]:
        """What still runs of what they have started, by the folder for data that all of it has inherited."""
        found: list[str] = []
        for process in psutil.process_iter():
            try:
                is_ours = process.environ().get("TIDEGATE_DATA_DIR") == self._environment["TIDEGATE_DATA_DIR"]
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline())[:200])
            except psutil.Error:
                continue
        return found

    async def nothing_is_left_over(self) -> None:
        """Wait until no process of theirs runs and no folder of theirs is left; fails with what is left."""

        async def is_gone() -> bool:
            return not self.left_over() and not list(self.scratch.iterdir())

        try:
            await until("nothing is left over", is_gone, seconds=30)
        except AssertionError:
            raise AssertionError((self.left_over(), list(self.scratch.iterdir()))) from None

    def end(self) -> None:
        """End what a failed test has left behind."""
        for worker in self.alive:
            worker.kill()


@asynccontextmanager
async def shared_database(dsn: str) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """A look at the database from outside."""
    async with asyncpg.create_pool(dsn, min_size=0, max_size=2, command_timeout=30) as pool:
        yield pool


async def follow_all(dsn: str, site: DemoSite) -> None:
    """Follow every post of the site."""
    async with Database(dsn) as database:
        await posts.follow(database, "demo", [(post.id, site.post_url(post)) for post in site.world.posts])


async def run_is_over(look: Any, job: str = "metrics_scraper") -> asyncpg.Record:
    """The row of the run of a job, once it is over."""

    async def row() -> asyncpg.Record | None:
        found: asyncpg.Record | None = await look.fetchrow(
            "select * from job_runs where job = $1 and status not in ('running', 'skipped') order by id limit 1", job
        )
        return found

    over: asyncpg.Record = await until(f"the run of {job} is over", row)
    return over


async def everything_is_read_once(dsn: str, site: DemoSite, *, but: Sequence[str] = ()) -> None:
    """Every post has one snapshot for the time that it was due, with the values that are true of it.

    `but` are the ids of posts that have none.
    """
    async with Database(dsn) as database:
        rows = await database.pool.fetch(
            "select p.post_id, s.run, s.due_at from posts p left join snapshots s on s.post = p.id order by p.id"
        )
        stored = await posts.latest(database, limit=10_000)
        outcomes = await database.pool.fetch("select outcome, count(*)::integer as n from page_outcomes group by 1")
    read = [row for row in rows if row["run"] is not None]
    wanted = {post.id for post in site.world.posts} - set(but)
    assert sorted(row["post_id"] for row in read) == sorted(wanted)
    assert {row["outcome"]: row["n"] for row in outcomes} == {"ok": len(wanted)}
    [run] = {row["run"] for row in read}
    assert compare(stored, site.world, run) == (VALUES_A_POST * len(wanted), 0)
