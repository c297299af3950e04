"""What each fault of a storm does to the site, the workers and the database, and how it is taken back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import psutil

from bench.cgroup import LIMIT_FILE, Cgroup
from scraper.store.embedded import EmbeddedPostgres
from tests.faults.crew import Crew, WorkerProcess
from tests.faults.strikes import Fault, Strike
from tidegate.demo import DemoSite

T = TypeVar("T")
NOBODY: Final = "nobody to hit"
FULLEST: Final = 0.9
"""A lowered limit leaves this much room at least: what is used is at most so much of it."""
LOWERED: Final = 0.35
"""Of the limit, where less than that is used."""
REFUSALS: Final = ("rate_limited:1", "interstitial")
"""With the status 429 and 503."""
LIES: Final = ("wrong_post", "wrong_id")
HANGS: Final = ("hang", "api_hang")
SIGNS: Final = {
    "renderer": "--type=renderer",
    "network": "network.mojom.NetworkService",
    "driver": "run-driver",
}
"""What a process of that role has in its command line; the driver is Playwright's, of Node."""


@dataclass(slots=True)
class Scene:
    """All that can be hit. `disk` and `cgroup` are None where there is none of our own.

    `start` starts another worker and `drained` are those that were told to end. Of the workers that live one is
    `jumpy`: its clock can jump; and one is `driven`: it reads by way of Playwright and its driver. Both by pid.
    """

    site: DemoSite
    crew: Crew
    server: EmbeddedPostgres
    start: Callable[[], WorkerProcess]
    clock: Path
    disk: Path | None = None
    cgroup: Cgroup | None = None
    limit_bytes: int = 0
    drained: list[WorkerProcess] = field(default_factory=list)
    killed: list[WorkerProcess] = field(default_factory=list)
    jumpy: set[int] = field(default_factory=set)
    driven: set[int] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)

    @property
    def workers(self) -> list[WorkerProcess]:
        """Those that live and were not told to end, the oldest first."""
        return [worker for worker in self.crew.alive if worker not in self.drained]


@asynccontextmanager
async def hit(scene: Scene, strike: Strike) -> AsyncIterator[str]:
    """The fault is there while this is entered. Gives what was hit, in words."""
    verb, _, what = strike.fault.partition("_")
    match strike.fault:
        case Fault.SITE_HANGS | Fault.SITE_REFUSES | Fault.SITE_LIES:
            choice = {"hangs": HANGS, "refuses": REFUSALS, "lies": LIES}[what]
            async with _troubled_site(scene, picked(choice, strike.pick)) as said:
                yield said
        case Fault.LOWER_LIMIT:
            with _lowered_limit(scene) as said:
                yield said
        case Fault.FILL_DISK:
            async with _full_disk(scene.disk) as said:
                yield said
        case Fault.JUMP_CLOCK:
            yield _jump(scene, strike)
        case Fault.KILL_WORKER | Fault.DRAIN_WORKER:
            yield _end_worker(scene, strike)
        case _:
            with _signalled(victims(scene, what, strike.pick), is_kill=verb == "kill") as said:
                yield said


def victims(scene: Scene, role: str, pick: float) -> list[psutil.Process]:
    """The one process of that role which is picked; for the server that is stopped, all of its processes.

    Empty where there is none now.
    """
    if role in {"postgres", "backend"}:
        return _of_server(scene.server.pid, role, pick)
    if role == "worker":
        return [psutil.Process(picked(scene.workers, pick).pid)] if scene.workers else []
    found = [one for worker in scene.crew.alive for one in _of_worker(worker, role)]
    return [picked(found, pick)] if found else []


def _of_worker(worker: WorkerProcess, role: str) -> list[psutil.Process]:
    with suppress(psutil.Error):
        if role == "browser":
            return worker.browsers()
        sign = SIGNS[role]
        below = psutil.Process(worker.pid).children(recursive=True)
        return [one for one in below if any(sign in word for word in _words(one))]
    return []


def _of_server(pid: int | None, role: str, pick: float) -> list[psutil.Process]:
    with suppress(psutil.Error):
        if pid is not None:
            postmaster = psutil.Process(pid)
            below = postmaster.children()
            if role == "postgres":
                return [postmaster, *below]
            # A backend is named after who is connected; the others are the server's own.
            backends = [one for one in below if any("tidegate tidegate" in word for word in _words(one))]
            return [picked(backends, pick)] if backends else []
    return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def picked(some: Sequence[T], pick: float) -> T:
    return some[int(pick * len(some))]


@contextmanager
def _signalled(processes: Sequence[psutil.Process], *, is_kill: bool) -> Iterator[str]:
    if not processes:
        yield NOBODY
        return
    said = f"pid {processes[0].pid}"
    if is_kill:
        with suppress(psutil.Error):
            processes[0].kill()
        yield said
        return
    for process in processes:
        with suppress(psutil.Error):
            process.suspend()
    try:
        yield said if len(processes) == 1 else f"{said} and {len(processes) - 1} below it"
    finally:
        # It looks who it is by its start time first: a pid may be another's by now.
        for process in processes:
            with suppress(psutil.Error):
                process.resume()


def _end_worker(scene: Scene, strike: Strike) -> str:
    is_kill = strike.fault is Fault.KILL_WORKER
    # Who is told to end before it can hear ends without a word, as any program does.
    some = [worker for worker in scene.workers if is_kill or worker.events("worker.ready")]
    if not some:
        return NOBODY
    worker = picked(some, strike.pick)
    if is_kill:
        scene.killed.append(worker)
        worker.kill()
    else:
        scene.drained.append(worker)
        worker.send(signal.SIGTERM)
    return f"{worker.name}, pid {worker.pid}; {scene.start().name} was started"


def _jump(scene: Scene, strike: Strike) -> str:
    jumpy = [worker for worker in scene.workers if worker.pid in scene.jumpy and worker.events("worker.ready")]
    if not jumpy:
        return NOBODY
    worker = picked(jumpy, strike.pick)
    scene.clock.write_text(str(strike.amount), encoding="ascii")
    worker.send(signal.SIGUSR1)
    return f"{worker.name}, pid {worker.pid}"


@asynccontextmanager
async def _troubled_site(scene: Scene, trouble: str) -> AsyncIterator[str]:
    scene.troubles.append(trouble)
    await scene.site.set_trouble(trouble)
    try:
        yield trouble
    finally:
        scene.troubles.remove(trouble)
        await scene.site.set_trouble(scene.troubles[-1] if scene.troubles else None)


@contextmanager
def _lowered_limit(scene: Scene) -> Iterator[str]:
    """A limit that is below what is used now would be a kill by the kernel, and no fault to live through."""
    if scene.cgroup is None:
        yield "not done: there is no cgroup of our own"
        return
    file = scene.cgroup.path / LIMIT_FILE[scene.cgroup.version]
    lower = int(max(LOWERED * scene.limit_bytes, scene.cgroup.used_bytes / FULLEST))
    try:
        file.write_text(str(min(lower, scene.limit_bytes)))
        yield f"to {lower >> 20} MiB of {scene.limit_bytes >> 20}"
    except OSError as error:
        yield f"not done: {error}"
    finally:
        file.write_text(str(scene.limit_bytes))


@asynccontextmanager
async def _full_disk(disk: Path | None) -> AsyncIterator[str]:
    if disk is None:
        yield "not done: there is no disk of our own, which takes root"
        return
    ballast = disk / "ballast"
    if ballast.exists():
        yield NOBODY
        return
    try:
        await asyncio.to_thread(_fill, ballast)
        yield f"{ballast.stat().st_size >> 20} MiB were free"
    finally:
        ballast.unlink(missing_ok=True)


def _fill(ballast: Path) -> None:
    """Take all the room there is, down to the last block."""
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for size in (1 << 20, 4096):
            with suppress(OSError):
                while True:
                    os.write(descriptor, bytes(size))
    finally:
        os.close(descriptor)
