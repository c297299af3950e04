"""A memory cgroup of one's own: what a container gives a program, and what the kernel counts in it.

cgroup v1: below the group that we are in, and one beside it in the hierarchy of `cpuacct`. cgroup v2: below the
nearest group above us that hands its children the memory controller. Where that is only to be had by moving what runs
in our own group into a leaf (a container whose root group we see), it is moved. All of it takes root.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memory.cgroups import MemoryCgroup, memory_cgroups

LIMIT_FILE: Final = {1: "memory.limit_in_bytes", 2: "memory.max"}
PEAK_FILE: Final = {1: "memory.max_usage_in_bytes", 2: "memory.peak"}
USED_FILE: Final = {1: "memory.usage_in_bytes", 2: "memory.current"}
ANONYMOUS: Final = {1: "total_rss", 2: "anon"}
INACTIVE_FILE: Final = {1: "total_inactive_file", 2: "inactive_file"}
KILLS_FILE: Final = {1: "memory.oom_control", 2: "memory.events"}
GONE_SECONDS: Final = 10.0
ROOT: Final = Path("/sys/fs/cgroup")
LEAF: Final = "tidegate-bench-harness"
_NUMBERS: Final = itertools.count(1)
JOIN: Final = (
    "/bin/sh",
    "-c",
    'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"',
    "join",
)
"""The shell joins the groups whose files it is given, up to `--`, and becomes the command."""


class NoCgroup(Exception):
    """None can be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A memory cgroup that was made here. Bytes and seconds.

    `cpu_path` is its twin in the hierarchy that counts CPU; None where nobody counts.
    """

    path: Path
    version: int
    cpu_path: Path | None

    def within(self, command: Sequence[str]) -> list[str]:
        """`command` as one that runs in this group."""
        folders = [self.path] if self.cpu_path in (None, self.path) else [self.path, self.cpu_path]
        return [*JOIN, *(f"{folder}/cgroup.procs" for folder in folders), "--", *command]

    @property
    def peak_bytes(self) -> int | None:
        """The most that was ever used in it, page cache included. None before Linux 5.19 with cgroup v2."""
        return self._number(PEAK_FILE) if (self.path / PEAK_FILE[self.version]).exists() else None

    @property
    def used_bytes(self) -> int:
        """What can't be had back for the asking: current less inactive file pages."""
        stat = (self.path / "memory.stat").read_text()
        return self._number(USED_FILE) - _value(stat, INACTIVE_FILE[self.version])

    @property
    def anonymous_bytes(self) -> int:
        """What is in no file: heaps and stacks, nothing of programs and of the page cache."""
        return _value((self.path / "memory.stat").read_text(), ANONYMOUS[self.version])

    @property
    def limit_hits(self) -> int:
        """How often somebody in it wanted more than the limit and had to wait for memory to be reclaimed."""
        if self.version == 1:
            return int((self.path / "memory.failcnt").read_text())
        return _value((self.path / "memory.events").read_text(), "max")

    @property
    def oom_kills(self) -> int:
        """How many processes the kernel has killed in it."""
        return _value((self.path / KILLS_FILE[self.version]).read_text(), "oom_kill")

    @property
    def cpu_seconds(self) -> float | None:
        """What all that ever ran in it has taken of all cores together; None where nobody counts it."""
        if self.cpu_path is None:
            return None
        if self.version == 1:
            return int((self.cpu_path / "cpuacct.usage").read_text()) / 1e9
        return _value((self.cpu_path / "cpu.stat").read_text(), "usage_usec") / 1e6

    @property
    def pids(self) -> list[int]:
        """Who is in it now."""
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]

    def kill(self) -> None:
        """End whatever still runs in it. All of it was started by us: the group is ours."""
        until = time.monotonic() + GONE_SECONDS
        while (pids := self.pids) and time.monotonic() < until:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _number(self, files: dict[int, str]) -> int:
        return int((self.path / files[self.version]).read_text())


@contextmanager
def memory_cgroup(limit_bytes: int | None) -> Iterator[Cgroup]:
    """A group with a limit, or with none of its own; emptied and removed at the end. Raises `NoCgroup`."""
    name = f"tidegate-bench-{os.getpid()}-{next(_NUMBERS)}"
    made: list[Path] = []
    try:
        try:
            above = memory_cgroups() or _root()
            if not above:
                raise NoCgroup("this system has no memory cgroups, or hides them")
            version = above[0].version
            path = _made(parent_of(above) / name, made)
            cpu_path = path if version == 2 else _cpu_twin(name, made)
            if limit_bytes is not None:
                (path / LIMIT_FILE[version]).write_text(str(limit_bytes))
                _without_swap(path, version)
        except OSError as error:
            raise NoCgroup(
                f"no memory cgroup can be made here ({error}); it takes root, and in a container --privileged"
            ) from None
        group = Cgroup(path, version, cpu_path)
        try:
            yield group
        finally:
            group.kill()
    finally:
        for path in made:
            _remove(path)


def _root() -> list[MemoryCgroup]:
    """The root of cgroup v2, which has no account of its own, for a system where everything lives in it."""
    control = ROOT / "cgroup.controllers"
    is_there = control.exists() and "memory" in control.read_text().split()
    return [MemoryCgroup(ROOT, 2)] if is_there else []


def parent_of(above: Sequence[MemoryCgroup]) -> Path:
    """Where a group can be made that has the memory controller. `above` is our own and what is above it.

    v2: what hands a controller on may hold no processes itself, so where nobody does it yet, we move into a leaf.
    """
    own = above[0].path
    if above[0].version == 1:
        return own
    for group in above:
        if "memory" in (group.path / "cgroup.subtree_control").read_text().split():
            return group.path
    leaf = own / LEAF
    leaf.mkdir(exist_ok=True)
    for pid in (own / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (leaf / "cgroup.procs").write_text(pid)
    (own / "cgroup.subtree_control").write_text("+memory")
    return own


def _cpu_twin(name: str, made: list[Path]) -> Path | None:
    """A group of the same name where v1 counts CPU; None where that hierarchy can't be seen or written."""
    try:
        own = Path("/proc/self/cgroup").read_text()
        found = re.search(r"^\d+:(?:[^:\n]*,)?(cpuacct)(?:,[^:\n]*)?:(.*)$", own, re.MULTILINE)
        mounts = [ROOT / folder for folder in ("cpuacct", "cpu,cpuacct")]
        mount = next((mount for mount in mounts if mount.is_dir()), None)
        if not found or not mount:
            return None
        below = mount / found[2].lstrip("/")
        return _made((below if below.is_dir() else mount) / name, made)
    except OSError:
        return None


def _without_swap(path: Path, version: int) -> None:
    """Keep it from evading its limit into swap. The limit of v1 on both together would not count its hits."""
    file = path / ("memory.swappiness" if version == 1 else "memory.swap.max")
    if file.exists():
        file.write_text("0")


def _made(path: Path, made: list[Path]) -> Path:
    path.mkdir()
    made.append(path)
    return path


def _remove(path: Path) -> None:
    until = time.monotonic() + GONE_SECONDS
    while path.exists() and time.monotonic() < until:
        with contextlib.suppress(OSError):
            path.rmdir()
        time.sleep(0.02)


def _value(text: str, name: str) -> int:
    """The number on the line that starts with `name`. Raises `KeyError`."""
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    raise KeyError(name)
