"""One look at memory: every bound that a process tree lives under, and how near it is to each.

A bound is a limit and what counts against it. The host is one, every memory cgroup from our own up to the mount
point is one, and so is the cap a user has set. What is used of a cgroup is `current - inactive_file`: file pages
that nobody has touched lately are given back by the kernel before anything is killed.

Everything is read anew at each call; a look costs tens of microseconds. A file that is missing or makes no sense is
a bound that is not known, never a zero.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from memory.levels import Level

NO_LIMIT_FROM = 1 << 60
"""cgroup v1 says "no limit" with a number near 2^63; nothing real is above an exbibyte."""

MOST_DIGITS = 20
"""Of a 64-bit number. Python refuses to convert thousands of them, and no kernel writes that."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit, where it stands, and what counts against it. `kind`: "cgroup v1", "cgroup v2", "host" or "cap"."""

    kind: str
    where: str
    limit_bytes: int
    used_bytes: int

    @property
    def source(self) -> str:
        """Kind and place in one."""
        return f"{self.kind} {self.where}".strip()

    @property
    def headroom_bytes(self) -> int:
        """What can still be taken before this limit."""
        return self.limit_bytes - self.used_bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at memory.

    `bounds` are all limits that were found, innermost first. `binding` is the one with the least headroom.
    `pressure` is the share of time (0 to 1) in which some task waited for memory in the last 10 s, None where the
    kernel does not say. `oom_kills` counts kills by the kernel in our own cgroup since it was made, None where
    unknown. `at_seconds` is a monotonic time.
    """

    at_seconds: float
    bounds: tuple[Bound, ...]
    pressure: float | None
    oom_kills: int | None
    level: Level = Level.NORMAL

    @property
    def binding(self) -> Bound | None:
        """The bound that would be hit first; None if nothing is known."""
        return min(self.bounds, key=lambda bound: bound.headroom_bytes, default=None)

    @property
    def limit_bytes(self) -> int | None:
        """The limit of the binding bound."""
        return self.binding.limit_bytes if self.binding else None

    @property
    def used_bytes(self) -> int | None:
        """What counts against the binding bound."""
        return self.binding.used_bytes if self.binding else None

    @property
    def available_bytes(self) -> int | None:
        """Headroom, before any reservation."""
        return self.binding.headroom_bytes if self.binding else None

    @property
    def share(self) -> float | None:
        """Used over limit at the bound that is fullest by share; None if nothing is known."""
        return max((bound.used_bytes / bound.limit_bytes for bound in self.bounds), default=None)


@dataclass(frozen=True, slots=True)
class MemoryCgroup:
    """One memory cgroup folder and the version of its files."""

    path: Path
    version: int

    def limit_bytes(self) -> int | None:
        """The least of its limits; None where there is none, or none that can be read."""
        names = ("memory.max", "memory.high") if self.version == 2 else ("memory.limit_in_bytes",)
        limits = [limit for name in names if (limit := _number(self.path / name))]
        return min((limit for limit in limits if limit < NO_LIMIT_FROM), default=None)

    def used_bytes(self) -> int | None:
        """`current - inactive_file`; None where the kernel keeps no account (as in the root cgroup of v2)."""
        name = "memory.current" if self.version == 2 else "memory.usage_in_bytes"
        current = _number(self.path / name)
        if current is None:
            return None
        key = "inactive_file" if self.version == 2 else "total_inactive_file"
        return max(0, current - (_stat(self.path / "memory.stat", key) or 0))

    def bound(self) -> Bound | None:
        """Its limit and what counts against it; None where there is no limit, or no account."""
        limit = self.limit_bytes()
        used = None if limit is None else self.used_bytes()
        return (
            None if limit is None or used is None else Bound(f"cgroup v{self.version}", str(self.path), limit, used)
        )

    def oom_kills(self) -> int | None:
        """How many processes the kernel has killed here for memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return _stat(self.path / name, "oom_kill")

    def pressure(self) -> float | None:
        """Share of the last 10 s in which some task of this cgroup waited for memory (v2 only)."""
        return _pressure(self.path / "memory.pressure") if self.version == 2 else None


def memory_cgroups(root: Path = Path("/"), pid: str = "self") -> tuple[MemoryCgroup, ...]:
    """The memory cgroups that `pid` lives under, its own first, up to the mount point. Empty where there is none.

    `root` is where `proc` and `sys` are found, so that a recorded system can be read.
    """
    lines = _text(root / "proc" / pid / "cgroup").splitlines()
    entries = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    v1 = next((path for _, controllers, path in entries if "memory" in controllers.split(",")), None)
    v2 = next((path for number, controllers, path in entries if number == "0" and not controllers), None)
    if v1 is not None:
        return _ancestors(root, pid, v1, version=1)
    if v2 is not None:
        return _ancestors(root, pid, v2, version=2)
    return ()


class MemorySource:
    """Takes readings of one process tree: this one's by default.

    `cap_bytes` is a limit of the user's own. It counts what this program has taken since it started, plus what it
    held then, so that the user's other programs do not use it up.
    """

    def __init__(self, *, cap_bytes: int | None = None, root: Path = Path("/")) -> None:
        self._root = root
        self._cap_bytes = cap_bytes
        self._cgroups = memory_cgroups(root)
        self._at_start_bytes = self._finest_used()
        self._own_at_start_bytes = psutil.Process().memory_info().rss if cap_bytes else 0

    def read(self) -> Reading:
        """One look, now."""
        bounds = [bound for cgroup in self._cgroups if (bound := cgroup.bound())]
        if host := self._host():
            bounds.append(host)
        if self._cap_bytes is not None:
            taken = max(0, self._finest_used() - self._at_start_bytes) + self._own_at_start_bytes
            bounds.insert(0, Bound("cap", "set by the user", self._cap_bytes, taken))
        own = self._cgroups[0] if self._cgroups else None
        pressure = own.pressure() if own else None
        if pressure is None:
            pressure = _pressure(self._root / "proc/pressure/memory")
        return Reading(time.monotonic(), tuple(bounds), pressure, own.oom_kills() if own else None)

    def _finest_used(self) -> int:
        """What the narrowest account around us holds: our own cgroup's, or else the host's."""
        used = self._cgroups[0].used_bytes() if self._cgroups else None
        if used is not None:
            return used
        host = self._host()
        return host.used_bytes if host else 0

    def _host(self) -> Bound | None:
        meminfo = self._root / "proc/meminfo"
        total = _stat(meminfo, "MemTotal:")
        available = _stat(meminfo, "MemAvailable:")
        if total and available is not None:
            return Bound("host", "", total << 10, max(0, total - available) << 10)
        if self._root != Path("/"):
            return None
        memory = psutil.virtual_memory()
        return Bound("host", "", memory.total, memory.total - memory.available)


def _ancestors(root: Path, pid: str, path: str, *, version: int) -> tuple[MemoryCgroup, ...]:
    mounted = _mount(root, pid, version)
    if mounted is None:
        return ()
    shown, mount_point = mounted
    inside = os.path.relpath(path, shown)
    if inside.startswith(".."):
        # The process lives outside what is mounted here (a namespace): the mount point is the nearest known.
        inside = "."
    here = root / mount_point.lstrip("/")
    leaf = here / inside
    while not leaf.is_dir() and leaf != here:
        # A container without a cgroup namespace sees the host's path and only its own folder.
        leaf = leaf.parent
    folders = [leaf, *[parent for parent in leaf.parents if parent == here or here in parent.parents]]
    return tuple(MemoryCgroup(folder, version) for folder in dict.fromkeys(folders))


def _mount(root: Path, pid: str, version: int) -> tuple[str, str] | None:
    """(root within the hierarchy, mount point) of the memory hierarchy, from mountinfo."""
    for line in _text(root / "proc" / pid / "mountinfo").splitlines():
        left, mark, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        if not mark or len(fields) < 5 or len(tail) < 3:
            continue
        is_v2 = tail[0] == "cgroup2"
        is_v1_memory = tail[0] == "cgroup" and "memory" in tail[2].split(",")
        if (version == 2 and is_v2) or (version == 1 and is_v1_memory):
            return fields[3], fields[4]
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    """A file with one number; None for "max", nothing, nonsense or no file."""
    return _whole(_text(path).strip())


def _stat(path: Path, key: str) -> int | None:
    """The number behind `key` in a file of "key number" lines."""
    for line in _text(path).splitlines():
        name, _, rest = line.partition(" ")
        value = rest.split()
        if name == key and value:
            return _whole(value[0])
    return None


def _whole(text: str) -> int | None:
    """A whole number of at most `MOST_DIGITS`; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def _pressure(path: Path) -> float | None:
    """The `some avg10` of a PSI file, as a share of time."""
    for line in _text(path).splitlines():
        kind, _, rest = line.partition(" ")
        if kind != "some":
            continue
        for field in rest.split():
            name, _, value = field.partition("=")
            if name == "avg10" and value.replace(".", "", 1).isdigit():
                return float(value) / 100
    return None
