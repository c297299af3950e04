"""One look at memory: every bound that a process tree lives under, and how near it is to each.

A bound is a limit and what counts against it. The host is one, every memory cgroup from our own up to the mount
point is one, and so is the cap a user has set. What is used of a cgroup is what it holds less its file pages, which
the kernel gives back before anything is killed, but for those that it has shown to need; see `memory.file_pages`.
Where the kernel does not tell, it is `current - inactive_file`.

Every file is read anew at each look, once; a look costs tens of microseconds. A file that is missing or makes no
sense is a bound that is not known and a sentence that says so, never a zero.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from memory.cgroups import (
    KILLS_NOT_COUNTED,
    Account,
    MemoryCgroup,
    Surroundings,
    content,
    memory_cgroups,
    not_understood,
    number,
    surroundings,
    value_of,
)
from memory.file_pages import HotFilePages
from memory.levels import Level

__all__ = ["Bound", "MemoryCgroup", "MemorySource", "Reading", "memory_cgroups"]


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit, where it stands, and what counts against it. `kind`: "cgroup v1", "cgroup v2", "host" or "cap".

    `files_bytes` are the file pages in use there, of which `needed_files_bytes` are among what is used; None where
    they are not told apart.
    """

    kind: str
    where: str
    limit_bytes: int
    used_bytes: int
    files_bytes: int | None = None
    needed_files_bytes: int | None = None

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
    unknown. `at_seconds` is a monotonic time. `unknowns` are plain sentences: what could not be known in this look.
    """

    at_seconds: float
    bounds: tuple[Bound, ...]
    pressure: float | None
    oom_kills: int | None
    level: Level = Level.NORMAL
    unknowns: tuple[str, ...] = ()

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


class MemorySource:
    """Takes readings of one process tree: this one's by default.

    A limit that was known and can't be read for a moment is taken as it was, and `unknowns` says so.

    `cap_bytes` is a limit of the user's own. It counts what this program has taken since it started, plus what it
    held then, so that the user's other programs do not use it up. `root` is where `proc` and `sys` are found.
    """

    def __init__(self, *, cap_bytes: int | None = None, root: Path = Path("/")) -> None:
        if cap_bytes is not None and cap_bytes <= 0:
            raise ValueError(f"a cap is a number of bytes above 0, not {cap_bytes}")
        self._root = root
        self._meminfo_path = f"{str(root).rstrip('/')}/proc/meminfo"
        self._is_this_system = root == Path("/")
        self._cap_bytes = cap_bytes
        self._held_at_start_bytes = psutil.Process().memory_info().rss if cap_bytes else 0
        self._last: dict[str, list[Bound]] = {}
        self._hot: dict[str, HotFilePages] = {}
        self._last_host: Bound | None = None
        around = surroundings(root)
        self._view = _View(around, self._others_bytes(around, self._held_at_start_bytes))

    def read(self) -> Reading:
        """One look, now."""
        around, others_bytes = self._view.around, self._view.others_bytes
        now_seconds = time.monotonic()
        unknowns = list(around.unknowns)
        bounds: list[Bound] = []
        finest_bytes = None
        for depth, cgroup in enumerate(around.cgroups):
            needs_used = depth == 0 and self._cap_bytes is not None
            known_before = len(unknowns)
            account = cgroup.look(unknowns, always_used=needs_used)
            found = self._bounds_of(cgroup, account, unknowns, now_seconds)
            if len(unknowns) > known_before and len(found) < len(last := self._last.get(str(cgroup.path), [])):
                # It was known a moment ago: no reason to take the limit for gone.
                found = last
                unknowns.append(f"for {cgroup.where} the last known figures are taken")
            else:
                self._last[str(cgroup.path)] = found
            bounds += found
            if depth == 0:
                finest_bytes = account.used_bytes
        if (host := self._host(unknowns) or self._last_host) is not None:
            self._last_host = host
            bounds.append(host)
            if not around.cgroups:
                finest_bytes = host.used_bytes
        if self._cap_bytes is not None:
            if finest_bytes is None or others_bytes is None:
                unknowns.append("what counts against the cap set by the user is not known")
            else:
                taken = max(self._held_at_start_bytes, finest_bytes - others_bytes)
                bounds.insert(0, Bound("cap", "set by the user", self._cap_bytes, taken))
        pressure = _pressure(around.pressure_paths, unknowns)
        kills = _kills(around.kills_path, unknowns)
        return Reading(now_seconds, tuple(bounds), pressure, kills, unknowns=tuple(unknowns))

    def _bounds_of(
        self, cgroup: MemoryCgroup, account: Account, unknowns: list[str], now_seconds: float
    ) -> list[Bound]:
        """The limits that one cgroup sets: its own, one above it that can't be seen, one with swap."""
        kind, used, pages = f"cgroup v{cgroup.version}", account.used_bytes, account.file_pages
        if used is None:
            return []
        files = needed = None
        spare = 0
        if pages is not None:
            files = pages.active_bytes
            needed = self._hot.setdefault(str(cgroup.path), HotFilePages()).observe(pages, now_seconds)
            spare = min(files - needed, used)
        bounds: list[Bound] = []
        if account.limit_bytes is not None:
            bounds.append(Bound(kind, cgroup.where, account.limit_bytes, used - spare, files, needed))
        if account.limit_above_bytes is not None:
            bounds.append(
                Bound(kind, f"above {cgroup.where}", account.limit_above_bytes, used - spare, files, needed)
            )
            unknowns.append(f"what others use of the limit above {cgroup.where} is not known")
        if account.with_swap_bytes is not None:
            limit, with_swap = account.with_swap_bytes
            bounds.append(Bound(kind, f"{cgroup.where} with swap", limit, max(0, with_swap - spare), files, needed))
        return bounds

    def rediscover(self) -> bool:
        """Look anew where we are; whether our cgroups are other ones than before. Blocking, for about a millisecond.

        What counts against a cap goes on from where it stood. If /proc can't be read now, what was known stays.
        """
        before, around = self._view, surroundings(self._root)
        if not around.is_sure or around == before.around:
            return False
        if around.cgroups == before.around.cgroups:
            self._view = _View(around, before.others_bytes)
            return False
        taken = next((bound.used_bytes for bound in self.read().bounds if bound.kind == "cap"), None)
        self._view = _View(around, self._others_bytes(around, taken or self._held_at_start_bytes))
        return True

    def _others_bytes(self, around: Surroundings, taken_bytes: int) -> int | None:
        """What of the narrowest account around us, our own cgroup's or else the host's, is not ours."""
        if self._cap_bytes is None:
            return None
        if around.cgroups:
            used = around.cgroups[0].look([], always_used=True).used_bytes
        else:
            host = self._host([])
            used = host.used_bytes if host else None
        return None if used is None else used - taken_bytes

    def _host(self, unknowns: list[str]) -> Bound | None:
        """The machine's memory, from /proc/meminfo (in KiB), or from psutil where there is none."""
        path, problems = self._meminfo_path, list[str]()
        text = content(path, problems)
        if text is not None:
            total = number(value_of(text, b"MemTotal:"), path, problems, b"MemTotal:", least=1)
            available = number(value_of(text, b"MemAvailable:"), path, problems, b"MemAvailable:")
            if total is not None and available is not None:
                return Bound("host", "", total << 10, max(0, total - available) << 10)
        if self._is_this_system:
            try:
                memory = psutil.virtual_memory()
            except (OSError, RuntimeError, LookupError, ValueError) as error:
                problems.append(f"the host's memory can't be read: {error}")
            else:
                return Bound("host", "", memory.total, max(0, memory.total - memory.available))
        unknowns += problems
        return None


@dataclass(frozen=True, slots=True)
class _View:
    """What a look goes by. Replaced as a whole, since a look and a rediscovery may run in two threads."""

    around: Surroundings
    others_bytes: int | None


def _kills(path: str | None, unknowns: list[str]) -> int | None:
    """`oom_kill` of memory.events (v2) or of memory.oom_control (v1, from Linux 4.13)."""
    text = content(path, unknowns) if path else None
    if path is None or text is None:
        return None
    word = value_of(text, b"oom_kill ")
    if word is None:
        unknowns.append(KILLS_NOT_COUNTED)
        return None
    return number(word, path, unknowns, b"oom_kill ")


def _pressure(paths: tuple[str, ...], unknowns: list[str]) -> float | None:
    """The `some avg10` (0 to 100) of the first PSI file that tells it, as a share of time (0 to 1)."""
    for path in paths:
        text = content(path, unknowns)
        if text is None:
            continue
        word = value_of(text, b"some avg10=")
        if word is not None and word.replace(b".", b"", 1).isdigit() and (percent := float(word)) <= 100:
            return percent / 100
        unknowns.append(not_understood(word, path, b"some avg10="))
    return None
