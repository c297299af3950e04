"""Who holds memory: the process tree by role.

Pages shared between Chromium's processes count once, by PSS: each process carries its share of what it shares. A sum
of RSS counts them many times over (measured: 2,191 MB by RSS was 886 MB by PSS). Where the kernel gives no PSS (not
Linux), the unique set size is taken, which leaves shared pages out; the row says which.

Reading PSS costs the kernel milliseconds for a large process, so this is for showing and learning, on a slow cadence
and off the event loop. Admission never waits for it.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Role(StrEnum):
    """What a process of the tree is there for."""

    PYTHON = "python"
    DRIVER = "driver"
    BROWSER = "browser"
    RENDERER = "renderer"
    GPU = "gpu"
    NETWORK = "network"
    POSTGRES = "postgres"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One process. `measure` is "pss" or "uss"; `parent` is the process that started it, 0 where that is unknown."""

    pid: int
    role: Role
    held_bytes: int
    measure: str
    parent: int = 0


def role_of(command: list[str]) -> Role:
    """The role that a command line speaks for."""
    # Chromium's children overwrite their command line: it may be one string with spaces.
    words = command if len(command) > 1 else "".join(command).split(" ")
    name = Path(words[0]).name
    kind = next((word.removeprefix("--type=") for word in words if word.startswith("--type=")), None)
    if kind is not None:
        is_network = any(word.startswith("--utility-sub-type=network") for word in words)
        return {"renderer": Role.RENDERER, "gpu-process": Role.GPU}.get(
            kind, Role.NETWORK if is_network else Role.OTHER
        )
    if "run-driver" in words:
        return Role.DRIVER
    for role, marks in _NAMES.items():
        if any(mark in name for mark in marks):
            return role
    return Role.OTHER


_NAMES = {
    Role.BROWSER: ("chrom", "headless_shell", "headless-shell"),
    Role.POSTGRES: ("postgres",),
    Role.PYTHON: ("python", "tidegate"),
}


def process_tree(extra_roots: Iterable[int] = ()) -> tuple[ProcessMemory, ...]:
    """Every process below this one, and below `extra_roots`, with what it holds. Blocking: call it in a thread."""
    found: dict[int, psutil.Process] = {}
    for pid in (None, *extra_roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                found.setdefault(process.pid, process)
    rows = (_row(process) for process in found.values())
    return tuple(row for row in rows if row is not None)


def own_bytes(pid: int) -> int | None:
    """What a process holds that is backed by no file, in bytes: resident less shared, from `/proc/PID/statm`.

    Microseconds where PSS takes a millisecond. None where the process is gone, or there is no `/proc`.
    """
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return max(0, int(resident) - int(shared)) * PAGE_BYTES


def peak_own_bytes(pid: int) -> int | None:
    """The most that a process has ever held beside the pages of files, in bytes, from `/proc/PID/status`.

    The kernel keeps the peak, so that a page which fills memory between two looks is not missed. What is backed by
    files is taken off as it is now. None where the process is gone, or there is no `/proc`.
    """
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    rows = {name: value for name, _, value in (line.partition(":") for line in text.splitlines())}
    try:
        peak, *shared = (int(rows[name].split()[0]) << 10 for name in ("VmHWM", "RssFile", "RssShmem"))
    except (KeyError, ValueError):
        # A process that is ending has no memory any more.
        return None
    return max(0, peak - sum(shared))


def total_bytes(rows: Iterable[ProcessMemory]) -> int:
    """What all of them hold together."""
    return sum(row.held_bytes for row in rows)


def below(rows: Iterable[ProcessMemory], root: int) -> tuple[ProcessMemory, ...]:
    """Process `root` and all that it has started, directly or not. Pure."""
    all_rows = tuple(rows)
    found = {root}
    while True:
        more = {row.pid for row in all_rows if row.parent in found} - found
        if not more:
            return tuple(row for row in all_rows if row.pid in found)
        found |= more


def by_role(rows: Iterable[ProcessMemory]) -> dict[Role, int]:
    """What they hold by role, in bytes, most first."""
    held: Counter[Role] = Counter()
    for row in rows:
        held[row.role] += row.held_bytes
    return dict(held.most_common())


def _row(process: psutil.Process) -> ProcessMemory | None:
    try:
        role = role_of(process.cmdline())
        pss = _pss_bytes(process.pid)
        if pss is not None:
            return ProcessMemory(process.pid, role, pss, "pss", process.ppid())
        return ProcessMemory(process.pid, role, process.memory_full_info().uss, "uss", process.ppid())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        # It ended while we looked, or belongs to somebody else: it is not ours to count.
        return None


def _pss_bytes(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) << 10
    return None
