"""The disk that Postgres is on is full for a while: when there is room again, the run goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from scraper.store.embedded import EmbeddedPostgres
from tests.faults.crew import (
    Crew,
    everything_is_read_once,
    follow_all,
    run_is_over,
    shared_database,
    until,
)
from tidegate.demo import DemoSite, World

pytestmark = [pytest.mark.database, pytest.mark.browser, pytest.mark.processes]

POSTS = 40
SEED = 15
SLOW = {post.id: "slow:0.3" for post in World(SEED, posts=POSTS).posts}
DISK_MB = 160


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A disk of its own. Skipped where none can be mounted."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a disk needs root on Linux")
    folder = open_folder / "small disk"
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tmpfs")
    mounted = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)  # noqa: S603, S607 root's own
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S603, S607 as above


def fill(disk: Path) -> None:
    """Take all the room there is, down to the last block."""
    with suppress(OSError) as _, (disk / "ballast").open("ab", buffering=0) as ballast:
        for size in (1 << 20, 4096):
            with suppress(OSError):
                while True:
                    ballast.write(bytes(size))


@pytest.mark.slow
async def test_while_the_disk_is_full_nothing_is_lost_and_then_it_goes_on(
    small_disk: Path, new_crew: Callable[..., Crew]
) -> None:
    crew = new_crew(None, data_dir=str(small_disk / "data"))
    server = EmbeddedPostgres(small_disk / "data")
    async with DemoSite(seed=SEED, posts=POSTS, troubles=SLOW) as site:
        async with server:
            await follow_all(server.dsn, site)
        serving = crew.start("serve")
        await serving.ready()

        async def some_are_read() -> bool:
            return int((await site.stats())["requests"]["pages"]) >= 12

        await until("some pages are read", some_are_read)
        fill(small_disk)
        async with shared_database(server.dsn) as look:

            async def it_hurts() -> bool:
                fill(small_disk)
                said = {event["event"] for event in serving.said}
                return bool(said & {"database.waited_for", "queue.lost", "postgres.died"})

            await until("the database has no room", it_hurts)
            (small_disk / "ballast").unlink()
            run = await run_is_over(look)
            assert (run["status"], run["reason"], run["pages"]) == ("success", None, POSTS)
            await everything_is_read_once(server.dsn, site)
        assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()
