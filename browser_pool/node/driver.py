"""Playwright's Node driver: the process between us and Chromium, and its scratch folder.

The driver makes Chromium's profile below its own TMPDIR, so a folder of ours there catches everything that the two
write, and one removal leaves nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import structlog
from playwright.async_api import Playwright, async_playwright

from browser_pool.errors import LaunchFailed
from browser_pool.processes import below, end, kill, runs
from browser_pool.scratch import Scratch

log = structlog.get_logger()

STOP_SECONDS = 5.0
SMALL_LIMIT_BYTES = 400 << 20
SMALL_HEAP = "--max-old-space-size=48 --max-semi-space-size=1"
"""For the smallest containers: Node otherwise lets its heap grow before it collects."""

STARTING = asyncio.Lock()
"""One at a time in the whole process: the environment that a driver is started with is everybody's."""


class Driver:
    """One Node driver. Owns its process, everything below it, and its scratch folder."""

    def __init__(self, playwright: Playwright, process: psutil.Process | None, scratch: Scratch) -> None:
        self.playwright = playwright
        self.scratch = scratch
        self._process = process

    @classmethod
    async def start(cls, *, scratch_root: Path | None, start_seconds: float, limit_bytes: int | None) -> Driver:
        """Start a driver. Raises `LaunchFailed`."""
        async with STARTING:
            return await cls._start(scratch_root, start_seconds, limit_bytes)

    @classmethod
    async def _start(cls, scratch_root: Path | None, start_seconds: float, limit_bytes: int | None) -> Driver:
        scratch = await asyncio.to_thread(Scratch.make, scratch_root)
        is_small = limit_bytes is not None and limit_bytes <= SMALL_LIMIT_BYTES
        before, tasks = _children(), _tasks_of_playwright()
        try:
            with _environment(TMPDIR=str(scratch.path), NODE_OPTIONS=SMALL_HEAP if is_small else None):
                async with asyncio.timeout(start_seconds):
                    playwright = await async_playwright().start()
        except BaseException as error:
            kill(_drivers(_children() - before))
            await asyncio.shield(asyncio.to_thread(scratch.remove))
            if left := _tasks_of_playwright() - tasks:
                # It starts what talks with the driver first; that ends now that the driver has.
                await asyncio.wait(left, timeout=STOP_SECONDS)
            if isinstance(error, TimeoutError):
                raise LaunchFailed("Playwright's driver", f"no answer in {start_seconds:.0f} s") from None
            if isinstance(error, Exception):
                # Playwright raises just that for a driver that ends as it starts.
                raise LaunchFailed("Playwright's driver", str(error) or type(error).__name__) from None
            raise
        new = _drivers(_children() - before)
        return cls(playwright, new[0] if new else None, scratch)

    async def stop(self) -> None:
        """Ask it to end, then end it and all below it; remove the scratch folder. Never raises."""
        processes = below(self._process)

        def clear() -> None:
            end(processes)
            self.scratch.remove()

        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.playwright.stop()
        except Exception as error:  # noqa: BLE001 a driver that died can't be asked: it is ended by pid below
            log.warning("driver.stop_failed", error=str(error) or type(error).__name__)
        finally:
            # In one thread, which goes on whoever is cancelled meanwhile.
            await asyncio.shield(asyncio.to_thread(clear))

    @property
    def is_running(self) -> bool:
        """Whether its process lives. Unknown counts as yes: then a failing call will tell."""
        return self._process is None or runs(self._process)

    @property
    def pid(self) -> int | None:
        """Of its process, if it could be told."""
        return self._process.pid if self._process else None

    def processes(self) -> list[psutil.Process]:
        """The driver and everything below it, now."""
        return below(self._process)


def _tasks_of_playwright() -> set[asyncio.Task[Any]]:
    names = ("Connection.initialize_playwright", "PipeTransport.run")
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", None) in names}


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children())


def _drivers(processes: set[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if "run-driver" in _command(process)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


@contextmanager
def _environment(**changes: str | None) -> Iterator[None]:
    """Playwright hands its driver our environment and takes no other, so it is changed while the driver starts."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update({name: value for name, value in changes.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
