"""The whole program while faults hit it every few seconds: `python -m tests.faults.storm --seed 7 --minutes 3`.

Workers read posts of the demo site, of which more are followed as time goes by. When the storm is over everything has
to be read, once and as it is true, and nothing may be left over. `strikes` has the plan, `storm_hits` what a fault
does, `storm_check` compares the database with the truth.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from bench.cgroup import Cgroup, NoCgroup, memory_cgroup
from scraper.store.database import sql
from scraper.store.embedded import EmbeddedPostgres
from tests.faults.crew import Crew, WorkerProcess, shared_database, until
from tests.faults.storm_check import Verdict, verdict
from tests.faults.storm_hits import Scene, hit
from tests.faults.storm_watch import Watch
from tests.faults.strikes import AMOUNTS, Fault, Strike, plan
from tests.faults.weather import LIMIT_MIB_A_WORKER, Weather, weather_of
from tidegate.demo import DemoSite, World
from tidegate.demo_run import SITE

MIB: Final = 1 << 20
DISK_MIB: Final = 256
ROUND_SECONDS: Final = 10
POSTS_A_ROUND: Final = 30
EVERY: Final = "every 3s"
SLOW_SECONDS: Final = (0.2, 0.8)
"""How long a page takes, so that a fault mostly hits one that is open."""
CALM_SECONDS: Final = 300.0
"""Long enough for any machine to read what is left when the storm is over."""

TIME_GOES_BY: Final = (
    "update posts set due_at = clock_timestamp() where task is null and state = 'followed'"
    " and due_at > clock_timestamp() and not exists (select from snapshots where post = posts.id)"
)
"""What was not read is tried again after minutes, or hours: here it is sooner. Hosts likewise."""
HOSTS_FORGIVE: Final = (
    "update hosts set quiet_until = null, refusals = 0 where refusals > 0 or quiet_until is not null"
)
NOT_OVER: Final = (
    "select count(*) + (select count(*) from tasks where state = 'open') from job_runs where status = 'running'"
)
OUTCOMES: Final = "select outcome, count(*) as n from page_outcomes group by 1 order by 2 desc"


@dataclass(slots=True)
class Storm:
    """One storm: its scene, what was followed, and what was found that should not be."""

    weather: Weather
    scene: Scene
    look: Any
    tell: Callable[[str], None]
    watch: Watch = field(init=False)
    followed: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    held: int = 0

    def __post_init__(self) -> None:
        self.watch = Watch(self.scene, self.say)

    def say(self, words: str) -> None:
        self.tell(f"{time.monotonic() - self.began:6.1f} s  {words}")

    async def run(self) -> Verdict:
        """The storm, the calm after it, and the end."""
        for _ in range(self.weather.workers):
            self.scene.start()
        await self._follow(POSTS_A_ROUND)
        await until("a worker is ready", self._one_is_ready)
        self.began = time.monotonic()
        strikes = plan(self.weather.seed, self.weather.seconds, self.weather.only)
        async with asyncio.TaskGroup() as background:
            keeping = [
                background.create_task(self.scene.server.keep_running()),
                background.create_task(self._time_goes_by()),
                background.create_task(self._look_after_workers()),
            ]
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow_more())
                for strike in strikes:
                    group.create_task(self._strike(strike))
            self.say("the storm is over")
            await self._everything_is_read()
            for task in keeping[1:]:
                task.cancel()
            found = await self._end()
            keeping[0].cancel()
        return found

    async def _strike(self, strike: Strike) -> None:
        await asyncio.sleep(max(0.0, self.began + strike.at_seconds - time.monotonic()))
        async with hit(self.scene, strike) as said:
            amount = f" {strike.amount:g} s" if strike.fault in AMOUNTS else ""
            self.say(f"{strike.fault}{amount}: {said}")
            if strike.fault in AMOUNTS and strike.fault is not Fault.JUMP_CLOCK:
                end = min(strike.at_seconds + strike.amount, self.weather.seconds)
                await asyncio.sleep(max(0.0, self.began + end - time.monotonic()))

    async def _one_is_ready(self) -> bool:
        for worker in self.scene.workers:
            assert worker.is_alive, worker.last_words()
        return any(worker.events("worker.ready") for worker in self.scene.workers)

    async def _follow(self, count: int) -> None:
        new = self.scene.site.world.posts[len(self.followed) : len(self.followed) + count]
        rows = [(SITE, post.id, self.scene.site.post_url(post)) for post in new]
        # Once they are to be followed, they are: a database that is gone is asked again.
        self.followed.update(post.id for post in new)

        async def follow() -> bool:
            await self.look.executemany(sql("add_post"), rows)
            return True

        await until("posts are followed", follow)

    async def _follow_more(self) -> None:
        for number in range(1, int(self.weather.seconds // ROUND_SECONDS)):
            await asyncio.sleep(max(0.0, self.began + number * ROUND_SECONDS - time.monotonic()))
            await self._follow(POSTS_A_ROUND)

    async def _time_goes_by(self) -> None:
        while True:
            await asyncio.sleep(3)
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self.look.execute(HOSTS_FORGIVE)
                await self.look.execute(TIME_GOES_BY)

    async def _look_after_workers(self) -> None:
        """What a service manager does: who has ended is started again. Who ended unasked is a finding."""
        while True:
            await asyncio.sleep(0.5)
            self.watch.look()
            while len(self.scene.workers) < self.weather.workers:
                self.say(f"{self.scene.start().name} was started in place of one that had ended")

    async def _everything_is_read(self) -> None:
        unread = "select count(*) from posts where not exists (select from snapshots where post = posts.id)"

        async def is_read() -> bool:
            self.held += await self._follow_held_again()
            return bool(await self.look.fetchval(unread) == 0)

        try:
            await until("every post is read", is_read, seconds=CALM_SECONDS)
            self.say("every post is read")
        except AssertionError as error:
            self.watch.trouble(str(error))

    async def _follow_held_again(self) -> int:
        """What was held or given up, with a reason, is followed again, as its user would."""
        held = await self.look.fetch(
            "select site, post_id, url, state, state_reason from posts where state <> 'followed'"
        )
        for row in held:
            self.say(f"{row['url']} was {row['state']}: {row['state_reason']}")
            await self.look.execute(sql("add_post"), row["site"], row["post_id"], row["url"])
        return len(held)

    async def _end(self) -> Verdict:
        await self.look.execute("update schedules set paused_at = clock_timestamp()")

        async def is_over() -> bool:
            return bool(await self.look.fetchval(NOT_OVER) == 0)

        try:
            await until("all runs and tasks are over", is_over)
        except AssertionError as error:
            self.watch.trouble(str(error))
        self.watch.look_at_descriptors()
        # They are told to end: any code but 0 is a finding.
        self.scene.drained.extend(self.scene.workers)
        await self.scene.crew.ask_to_end()
        self.watch.look()
        try:
            await self.scene.crew.nothing_is_left_over()
        except AssertionError as error:
            self.watch.trouble(f"left over: {error}")
        if (cgroup := self.scene.cgroup) is not None:
            peak_mib = (cgroup.peak_bytes or 0) // MIB
            self.say(
                f"memory: OOM kills {cgroup.oom_kills}, peak {peak_mib} MiB, at the limit {cgroup.limit_hits} times"
            )
            if cgroup.oom_kills:
                self.watch.trouble(f"the kernel has killed {cgroup.oom_kills} for memory")
        self.watch.look_back()
        self.say(f"pages: {', '.join(f'{n} {outcome}' for outcome, n in await self.look.fetch(OUTCOMES))}")
        return await verdict(self.look, self.scene.site.world, self.followed)


async def storm(weather: Weather, folder: Path, tell: Callable[[str], None]) -> tuple[Verdict, list[str]]:
    """Let it pass over a program that lives in `folder`. Gives the verdict, and what else should not be."""
    seconds = weather.seconds
    posts = POSTS_A_ROUND * max(1, int(seconds // ROUND_SECONDS))
    chance = random.Random(weather.seed)
    slow = {post.id: f"slow:{chance.uniform(*SLOW_SECONDS):.2f}" for post in World(weather.seed, posts=posts).posts}
    limit_bytes = (weather.limit_mib or LIMIT_MIB_A_WORKER * weather.workers) * MIB
    schedules = dict.fromkeys(("reply_harvester", "learn", "plan", "reply", "maintenance"), "off")
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "disk"))
        cgroup = stack.enter_context(own_cgroup(limit_bytes, tell))
        server = EmbeddedPostgres((disk or folder) / "data")
        await stack.enter_async_context(_served(server, disk, folder))
        site = await stack.enter_async_context(DemoSite(seed=weather.seed, posts=posts, troubles=slow))
        look = await stack.enter_async_context(shared_database(server.dsn))
        crew = Crew(
            server.dsn,
            folder / "crew",
            schedules=json.dumps(schedules | {"metrics_scraper": EVERY}),
            page_seconds="6",
            max_contexts="2",
            drain_seconds="10",
        )
        stack.callback(crew.end)
        if cgroup is not None:
            crew.within = cgroup.within
        scene = Scene(site, crew, server, lambda: _worker(scene), folder / "clock", disk, cgroup, limit_bytes)
        going = Storm(weather, scene, look, tell)
        found = await going.run()
        tell(f"followed: {len(going.followed)}, held and followed again: {going.held}")
    if server.pid is not None:
        going.watch.trouble(f"Postgres is left over: pid {server.pid}")
    return found, going.watch.troubles


def _worker(scene: Scene) -> WorkerProcess:
    """One more: of those that live one has a driver, the clock of one can jump, the others are as they come."""
    special = str(Path(__file__).with_name("storm_worker.py"))
    living = {worker.pid for worker in scene.workers}
    if not living & scene.driven:
        worker = scene.crew.start_python(special, "--driver")
        scene.driven.add(worker.pid)
    elif not living & scene.jumpy:
        worker = scene.crew.start_python(special, "--clock", str(scene.clock))
        scene.jumpy.add(worker.pid)
    else:
        worker = scene.crew.start()
    return worker


@asynccontextmanager
async def _served(server: EmbeddedPostgres, disk: Path | None, folder: Path) -> AsyncIterator[None]:
    try:
        async with server:
            yield
    finally:
        # The disk is gone afterwards: what it held may be what is asked about.
        await asyncio.to_thread(shutil.copytree, (disk or folder) / "data", folder / "database", ignore=_special)


def _special(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not (Path(folder, name).is_dir() or Path(folder, name).is_file())]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own; None where none can be mounted."""
    folder.mkdir()
    is_mounted = False
    if sys.platform == "linux" and os.geteuid() == 0:
        options = ("-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=755", "tmpfs")
        mount = ["mount", *options, str(folder)]
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0  # noqa: S603 root's own
    try:
        yield folder if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S603, S607 as above


@contextmanager
def own_cgroup(limit_bytes: int, tell: Callable[[str], None]) -> Iterator[Cgroup | None]:
    """A memory cgroup of its own; None where none can be made, and `tell` hears why."""
    with ExitStack() as stack:
        try:
            group = stack.enter_context(memory_cgroup(limit_bytes))
        except NoCgroup as error:
            tell(f"no limit is lowered: {error}")
            group = None
        yield group


def main(arguments: Sequence[str] | None = None) -> int:
    """Make one; the exit code is 1 where something was lost, doubled, wrong or left over."""
    weather = weather_of(arguments)
    folder = Path(tempfile.mkdtemp(prefix="tidegate-storm-"))
    folder.chmod(0o755)

    def tell(words: str) -> None:
        with (folder / "storm.txt").open("a", encoding="utf-8") as file:
            file.write(f"{words}\n")
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    tell(f"seed {weather.seed}: {weather.seconds:g} s")
    for strike in plan(weather.seed, weather.seconds, weather.only):
        tell(f"  {strike}")
    is_good = False
    try:
        found, troubles = asyncio.run(storm(weather, folder, tell))
        for line in [*found.findings[:40], *troubles]:
            tell(f"! {line}")
        is_good = found.is_good and not troubles
        tell(f"What was lost? {len(found.lost)}")
        tell(f"{found}, other troubles: {len(troubles)}")
    finally:
        # Whatever has happened: what it was, and how to have it again.
        if not is_good:
            tell(f"logs, plan and database: {folder}")
        tell(f"seed {weather.seed}, again: {weather.replay}")
    if is_good:
        shutil.rmtree(folder)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
