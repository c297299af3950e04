"""After its end a pool has left nothing: no process, no folder, no task. Even after SIGKILL no process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest

from browser_pool import LaunchFailed, LeaseEnded, LeaseRequest, PoolSettings, UnifiedBrowserPool
from browser_pool.node import driver
from browser_pool.processes import kill
from browser_pool.scratch import Scratch
from memory import MemoryGuard, MemoryMonitor

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Folders = Callable[[], list[str]]
Started = Callable[[], list[psutil.Process]]


@pytest.mark.browser
async def test_after_close_no_process_no_folder_and_no_task_is_left(
    make_pool: MakePool, started: Started, folders: Folders
) -> None:
    tasks_before = asyncio.all_tasks()
    async with make_pool() as pool:
        async with pool.lease(site="a"), pool.lease(site="b", isolation="fresh"):
            pass
        kept = await pool.acquire(LeaseRequest("c"))
        assert any(name.startswith(f"tidegate-{os.getpid()}-") for name in folders())
    assert started() == []
    assert folders() == []
    assert asyncio.all_tasks() == tasks_before
    now = pool.statistics()
    assert (now.waiting, now.leased, now.free, now.cleaning, now.closing) == (0, 0, 0, 0, 0)
    assert now.contexts_made == now.contexts_closed
    with pytest.raises(LeaseEnded):
        await kept.evaluate("() => 1")


@pytest.mark.browser
async def test_an_error_in_the_body_comes_out_as_it_is_and_leaves_nothing(
    make_pool: MakePool, started: Started, folders: Folders
) -> None:
    async def body() -> None:
        async with make_pool() as pool, pool.lease(site="a"):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await body()
    assert started() == []
    assert folders() == []


@pytest.mark.browser
async def test_a_pool_with_its_own_monitor_ends_that_too(chromium: Path, scratch: Path) -> None:
    tasks_before = asyncio.all_tasks()
    async with UnifiedBrowserPool(PoolSettings(chromium=chromium, scratch=scratch)) as pool:
        async with pool.lease() as lease:
            assert await lease.evaluate("() => 1 + 1") == 2
        assert asyncio.all_tasks() > tasks_before
    assert asyncio.all_tasks() == tasks_before


@pytest.mark.processes
async def test_a_pool_is_not_held_up_by_a_chromium_that_never_starts(
    monitor: MemoryMonitor, scratch: Path, tmp_path: Path, started: Callable[[], list[psutil.Process]]
) -> None:
    silent = tmp_path / "chromium"
    silent.write_text("#!/bin/sh\nexec sleep 3600\n")
    silent.chmod(0o755)
    pool = UnifiedBrowserPool(
        PoolSettings(chromium=silent, scratch=scratch, needs_page=False), guard=MemoryGuard(monitor)
    )
    opening = asyncio.create_task(pool.__aenter__())
    while not started():  # noqa: ASYNC110 no event tells of a process
        await asyncio.sleep(0.05)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert started() == []
    assert list(scratch.iterdir()) == []  # noqa: ASYNC240 a folder of nothing


@pytest.mark.browser
@pytest.mark.parametrize(
    ("script", "said"),
    (
        ("echo 'error while loading shared libraries: libnss3.so' >&2; exit 127", "libnss3.so"),
        ("exit 1", ""),
    ),
)
async def test_a_chromium_that_does_not_start_is_said_and_leaves_nothing(
    monitor: MemoryMonitor,
    tmp_path: Path,
    scratch: Path,
    folders: Folders,
    started: Started,
    *,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    said: str,
) -> None:
    monkeypatch.setattr("browser_pool.owner.LAUNCH_ATTEMPTS", 2)
    fake = tmp_path / "chromium"
    fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    fake.chmod(0o755)
    tasks_before = asyncio.all_tasks()
    with pytest.raises(LaunchFailed) as caught:
        async with UnifiedBrowserPool(PoolSettings(chromium=fake, scratch=scratch), guard=MemoryGuard(monitor)):
            pass
    assert caught.value.executable == str(fake)
    assert said in str(caught.value)
    assert "tidegate setup" in str(caught.value)
    assert started() == []
    assert folders() == []
    assert asyncio.all_tasks() == tasks_before


OWNER = """
import asyncio, sys
from pathlib import Path
from browser_pool import PoolSettings, UnifiedBrowserPool

async def main():
    settings = PoolSettings(chromium=Path(sys.argv[1]), scratch=Path(sys.argv[2]))
    async with UnifiedBrowserPool(settings) as pool, pool.lease() as lease:
        await lease.open("data:text/html,<p>here", timeout_seconds=10)
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.browser
@pytest.mark.processes
async def test_after_sigkill_of_its_owner_no_process_is_left(
    chromium: Path, scratch: Path, eventually: Eventually
) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(chromium), str(scratch), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    async with asyncio.timeout(30):
        while (line := await owner.stdout.readline()) != b"ready\n":
            assert line, "the owner ended before it was ready"
    below = psutil.Process(owner.pid).children(recursive=True)
    assert len(below) > 3
    owner.send_signal(signal.SIGKILL)
    await owner.wait()

    def runs(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    await eventually(lambda: not any(runs(process) for process in below))


@pytest.mark.browser
async def test_a_driver_whose_start_is_cancelled_leaves_no_task(
    scratch: Path,
    started: Callable[[], list[psutil.Process]],
    eventually: Callable[..., Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The system takes a while to end what was killed, longer than it takes to remove the folder.
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(driver, "kill", lambda processes: loop.call_later(0.3, kill, processes))
    monkeypatch.setattr(Scratch, "remove", lambda folder: shutil.rmtree(folder.path))
    before = asyncio.all_tasks()
    starting = asyncio.create_task(driver.Driver.start(scratch_root=scratch, start_seconds=60, limit_bytes=None))
    await eventually(started)
    # It never answers, so it is cancelled while Playwright waits for that.
    started()[0].suspend()
    await eventually(lambda: any("PipeTransport.run" in str(task.get_coro()) for task in asyncio.all_tasks()))
    starting.cancel()
    await asyncio.wait({starting})
    assert asyncio.all_tasks() - before - {starting} == set()
    assert os.listdir(scratch) == []  # noqa: PTH208 it is small
    assert started() == []
