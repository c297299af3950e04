"""A scratch disk that is full: what serves goes on, what can't start says so, and when there is room all is well."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest

from browser_pool import LaunchFailed, NoScratch, UnifiedBrowserPool
from memory.processes import Role, role_of
from tests.needs import rest_slow
from tidegate.demo import DemoSite

pytestmark = [pytest.mark.browser, pytest.mark.processes]

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Started = Callable[[], list[psutil.Process]]

MOUNT_NEEDS_ROOT = "a small disk of its own is mounted for this, which needs root on Linux"
SHOWN = """() => new Promise((done) => {
  const look = () => document.querySelector('article') ? done(true) : setTimeout(look, 20);
  look();
})"""


@pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def mount(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 fixed commands, no shell


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB and 200 inodes."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip(MOUNT_NEEDS_ROOT)
    place = tmp_path / "disk"
    place.mkdir()
    done = mount("mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=200", "tmpfs", str(place))
    if done.returncode:
        pytest.skip(f"{MOUNT_NEEDS_ROOT}: {done.stderr.strip()}")
    try:
        yield place
    finally:
        assert mount("umount", "-l", str(place)).returncode == 0


def fill_bytes(place: Path) -> None:
    def write() -> None:
        with (place / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    with pytest.raises(OSError, match="No space left"):
        write()


def fill_inodes(place: Path) -> None:
    def make() -> None:
        for number in range(1000):
            (place / f"filling-{number}").touch()

    with pytest.raises(OSError, match="No space left"):
        make()


def make_room(place: Path) -> None:
    for file in place.glob("filling*"):
        file.unlink()


def left(place: Path) -> list[str]:
    return [path.name for path in place.iterdir()]


async def reads(pool: UnifiedBrowserPool, site: DemoSite) -> bool:
    async with pool.lease(site="demo", deadline=30) as lease:
        await lease.open(f"{site.url}/", timeout_seconds=10)
        return bool(await lease.evaluate(SHOWN))


def end_browsers(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            if role_of(process.cmdline()) is Role.BROWSER:
                process.kill()
        except psutil.NoSuchProcess:
            continue


async def test_a_disk_that_fills_up_under_it_stops_no_page_and_a_new_browser_starts(
    make_pool: MakePool, demo_site: DemoSite, scratch: Path, started: Started, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        assert await reads(pool, demo_site)
        fill_bytes(scratch)
        assert await reads(pool, demo_site)
        end_browsers(started())
        await eventually(lambda: pool.statistics().browsers_lost == 1)
        assert await reads(pool, demo_site)
    make_room(scratch)
    assert left(scratch) == []


async def test_where_no_folder_can_be_made_that_is_said_and_with_room_the_pool_serves_again(
    make_pool: MakePool, demo_site: DemoSite, scratch: Path, started: Started, eventually: Eventually
) -> None:
    async with make_pool() as pool:
        assert await reads(pool, demo_site)
        fill_inodes(scratch)
        end_browsers(started())
        await eventually(lambda: pool.browser is None)
        await eventually(lambda: all(name.startswith("filling") for name in left(scratch)))
        fill_inodes(scratch)
        with pytest.raises(LaunchFailed, match=r"No space left on device.*TMPDIR"):
            await reads(pool, demo_site)
        make_room(scratch)
        assert await reads(pool, demo_site)
        assert pool.statistics().leased == 0
    assert left(scratch) == []


async def test_a_pool_on_a_full_disk_does_not_open_and_says_why(make_pool: MakePool, scratch: Path) -> None:
    fill_inodes(scratch)
    with pytest.raises(NoScratch, match="No space left on device"):
        async with make_pool():
            pass
    make_room(scratch)
    assert left(scratch) == []
