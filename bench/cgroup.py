"""A memory cgroup of one's own, below the one that we are in: what a container gives a program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memory.cgroups import memory_cgroups

LIMIT_FILE = {1: "memory.limit_in_bytes", 2: "memory.max"}
PEAK_FILE = {1: "memory.max_usage_in_bytes", 2: "memory.peak"}
KILLS_FILE = {1: "memory.oom_control", 2: "memory.events"}
GONE_SECONDS = 10.0

JOIN = ("/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"')
"""The shell joins the group and becomes the command."""


class NoCgroup(Exception):
    """None can be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A memory cgroup that was made here."""

    path: Path
    version: int

    @property
    def peak_bytes(self) -> int:
        """The most that was ever used in it, page cache included."""
        return int((self.path / PEAK_FILE[self.version]).read_text())

    @property
    def oom_kills(self) -> int:
        """How many processes the kernel has killed in it."""
        lines = (self.path / KILLS_FILE[self.version]).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    async def run(self, *command: str) -> tuple[int, str]:
        """Run a command in it; its exit code and what it wrote to stdout."""
        process = await asyncio.create_subprocess_exec(
            *JOIN, str(self.path / "cgroup.procs"), *command, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()


@contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Cgroup]:
    """A group with a limit, removed at the end. Raises `NoCgroup`."""
    try:
        above = memory_cgroups()[0]
        if above.version == 2:
            (above.path / "cgroup.subtree_control").write_text("+memory")
        path = above.path / f"tidegate-bench-{os.getpid()}-{limit_bytes >> 20}"
        path.mkdir()
    except (OSError, IndexError) as error:
        raise NoCgroup(
            f"no memory cgroup can be made here ({error}); it takes root, and a kernel that has them"
        ) from None
    try:
        (path / LIMIT_FILE[above.version]).write_text(str(limit_bytes))
        if above.version == 2:
            (path / "memory.swap.max").write_text("0")
        yield Cgroup(path, above.version)
    finally:
        until = time.monotonic() + GONE_SECONDS
        while path.exists() and time.monotonic() < until:
            with contextlib.suppress(OSError):
                path.rmdir()
            time.sleep(0.05)
