"""Which memory cgroups a process lives under, and what each of them says.

The kernel tells where we are in two files: /proc/self/cgroup holds our path within each hierarchy, mountinfo which
part of which hierarchy is mounted where. Either may be cut short by a namespace, a bind mount or a container's
runtime, so for each folder from our own up to the root of the hierarchy, the mount that shows it most closely is
taken. See cgroups(7), proc(5), and admin-guide/cgroup-v1/memory and cgroup-v2 in the kernel's documentation.

What can't be known is said: functions that read take a list and add a plain sentence to it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from memory.file_pages import FilePages

NO_LIMIT_FROM = 1 << 60
"""cgroup v1 says "no limit" with a number near 2^63; nothing real is above an exbibyte."""

MOST_DIGITS = 20
"""Of a 64-bit number. Python refuses to convert thousands of them, and no kernel writes that."""

MOST_BYTES = 1 << 15
"""Of a file that is read at each look; the longest, memory.stat, has a few KiB."""

ACCOUNT_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}
LIMIT_FILES = {1: ("memory.limit_in_bytes",), 2: ("memory.max", "memory.high")}
SWAP_FILES = ("memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes")
READ_APART_BYTES = 64 << 20
KILLS_FILE = {1: "memory.oom_control", 2: "memory.events"}
KILLS_NOT_COUNTED = "kills by the kernel: not counted here"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
ACTIVE_FILE = {1: b"total_active_file ", 2: b"active_file "}
REREAD_FILE = {1: b"total_workingset_refault_file ", 2: b"workingset_refault_file "}
"""In pages, unlike the others."""
INACTIVE_FILE = {1: b"total_inactive_file ", 2: b"inactive_file "}


class Account(NamedTuple):
    """What one cgroup says of its memory, in bytes. None is no limit, or not known, or not asked for.

    `used_bytes` has the file pages that were touched lately; `file_pages` tells of them, None where the kernel does
    not count which it reads again. `with_swap_bytes` is (limit, used) of memory and swap together, which v1 can limit
    as well.
    """

    limit_bytes: int | None
    used_bytes: int | None
    limit_above_bytes: int | None
    with_swap_bytes: tuple[int, int] | None = None
    file_pages: FilePages | None = None


@dataclass(frozen=True, slots=True)
class MemoryCgroup:
    """One memory cgroup folder and the version of its files.

    `is_cut_off` is true for the topmost that can be seen of a v1 hierarchy whose root is hidden, `limits_swap` where
    v1 keeps an account of memory and swap together.
    """

    path: Path
    version: int
    is_cut_off: bool = False
    limits_swap: bool = False

    @property
    def where(self) -> str:
        """The folder, fit to be printed."""
        return printable(str(self.path))

    def look(self, unknowns: list[str], *, always_used: bool = False) -> Account:
        """Its limit, what counts against it, and a lower limit above it that only v1 tells.

        What is used is `current - inactive_file`; it is read only where there is a limit, or for `always_used`.
        """
        limit, above = self._limit_bytes(unknowns), None
        stat_path = f"{self.path}/memory.stat"
        stat = content(stat_path, unknowns) if self.is_cut_off else None
        if stat is not None and b"hierarchical_memory_limit " in stat:
            above = _limit(value_of(stat, b"hierarchical_memory_limit "), stat_path, unknowns)
            if limit is not None and above is not None and above >= limit:
                above = None
        swap_limit = self._swap_limit_bytes(unknowns)
        if limit is None and above is None and swap_limit is None and not always_used:
            return Account(None, None, None)
        used_path = f"{self.path}/{ACCOUNT_FILES[self.version][1]}"
        used = content(used_path, unknowns)
        current = None if used is None else number(used.strip(), used_path, unknowns)
        if current is None:
            return Account(limit, None, above)
        if not self.is_cut_off:
            stat = content(stat_path, unknowns)
        key = INACTIVE_FILE[self.version]
        inactive = None if stat is None else number(value_of(stat, key), stat_path, unknowns, key)
        if inactive is not None and inactive > current:
            # The two are read one after the other, so a little more is nothing strange: all of it is inactive.
            if inactive > current + READ_APART_BYTES:
                unknowns.append(
                    f"{key.decode().strip()} of {self.where} can't be right: {inactive} of {current} bytes"
                )
                inactive = 0
            else:
                inactive = current
        used_bytes = current - (inactive or 0)
        pages = None if stat is None or inactive is None else self._file_pages(stat, inactive)
        return Account(limit, used_bytes, above, self._with_swap(swap_limit, inactive or 0, unknowns), pages)

    def _file_pages(self, stat: bytes, inactive: int) -> FilePages | None:
        """None where the kernel does not count what it reads again (before Linux 5.9), or makes no sense."""
        path, nobody = "", list[str]()
        active = number(value_of(stat, ACTIVE_FILE[self.version]), path, nobody)
        reread = number(value_of(stat, REREAD_FILE[self.version]), path, nobody)
        return None if active is None or reread is None else FilePages(active, inactive, reread * PAGE_BYTES)

    def _swap_limit_bytes(self, unknowns: list[str]) -> int | None:
        if not self.limits_swap:
            return None
        path = f"{self.path}/{SWAP_FILES[0]}"
        text = content(path, unknowns)
        return None if text is None else _limit(text.strip(), path, unknowns)

    def _with_swap(self, limit: int | None, inactive: int, unknowns: list[str]) -> tuple[int, int] | None:
        if limit is None:
            return None
        path = f"{self.path}/{SWAP_FILES[1]}"
        text = content(path, unknowns)
        used = None if text is None else number(text.strip(), path, unknowns)
        return None if used is None else (limit, max(0, used - inactive))

    def _limit_bytes(self, unknowns: list[str]) -> int | None:
        limits = []
        for name in LIMIT_FILES[self.version]:
            path = f"{self.path}/{name}"
            text = content(path, unknowns)
            limit = None if text is None else _limit(text.strip(), path, unknowns)
            if limit is not None:
                limits.append(limit)
        return min(limits, default=None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where to look: our memory cgroups, innermost first, and the files that tell of kills and of pressure.

    `unknowns` are sentences that hold at every look. `is_sure` is false where /proc itself could not be read.
    """

    cgroups: tuple[MemoryCgroup, ...] = ()
    kills_path: str | None = None
    pressure_paths: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    is_sure: bool = True


def memory_cgroups(root: Path = Path("/"), pid: str = "self") -> tuple[MemoryCgroup, ...]:
    """The memory cgroups that `pid` lives under, its own first, up to the mount point. Empty where there is none.

    `root` is where `proc` and `sys` are found, so that a recorded system can be read.
    """
    return surroundings(root, pid).cgroups


def surroundings(root: Path = Path("/"), pid: str = "self") -> Surroundings:
    """Look around anew. Blocking, for less than a millisecond."""
    top = str(root).rstrip("/")
    if not _is_folder(f"{top}/proc"):
        return Surroundings(unknowns=("no /proc here: memory cgroups, pressure and kills by the kernel not known",))
    unknowns: list[str] = []
    paths = _paths(_whole_file(f"{top}/proc/{pid}/cgroup", unknowns))
    mounts = _mounts(_whole_file(f"{top}/proc/{pid}/mountinfo", unknowns), top)
    is_sure = not unknowns
    version, folders, cgroups = 2, list[str](), list[MemoryCgroup]()
    for version, path in sorted(paths.items()):
        folders = _folders(path, mounts[version], version, unknowns)
        cgroups = [
            MemoryCgroup(Path(folder), version, limits_swap=version == 1 and _is_there(f"{folder}/{SWAP_FILES[0]}"))
            for folder in folders
            if _has_account(folder, version)
        ]
        if cgroups:
            break
        if version == 1:
            unknowns.append(f"the memory cgroup {printable(path)} of version 1 is not to be seen here")
    if not cgroups:
        here = "found" if unknowns else "here"
        unknowns.append(f"no memory cgroup {here}: only the host's memory is known")
    elif version == 1 and not _is_there(f"{cgroups[-1].path}/release_agent"):
        # Only the true root of a v1 hierarchy has that file.
        cgroups[-1] = replace(cgroups[-1], is_cut_off=True)

    kills = [path for folder in folders if _is_there(path := f"{folder}/{KILLS_FILE[version]}")]
    if not kills:
        unknowns.append(KILLS_NOT_COUNTED)
    pressure = [path for folder in folders if _is_there(path := f"{folder}/memory.pressure")][:1]
    if _is_there(host := f"{top}/proc/pressure/memory"):
        pressure.append(host)
    if not pressure:
        unknowns.append("memory pressure: not told by this kernel")
    return Surroundings(tuple(cgroups), next(iter(kills), None), tuple(pressure), tuple(unknowns), is_sure)


class _Mount(NamedTuple):
    shown: tuple[str, ...]
    at: str


def _paths(text: bytes) -> dict[int, str]:
    """Our path in the hierarchy of v1 that has the memory controller, and in v2, by version."""
    paths: dict[int, str] = {}
    for line in os.fsdecode(text).split("\n"):
        hierarchy, _, rest = line.partition(":")
        controllers, mark, path = rest.partition(":")
        if mark and "memory" in controllers.split(","):
            paths.setdefault(1, path)
        elif mark and hierarchy == "0" and not controllers:
            paths.setdefault(2, path)
    return paths


def _mounts(text: bytes, top: str) -> dict[int, list[_Mount]]:
    """The mounts of v1's memory hierarchy and of v2, by version, those that show the least first."""
    mounts: dict[int, list[_Mount]] = {1: [], 2: []}
    for line in text.split(b"\n"):
        left, _, right = line.partition(b" - ")
        fields, tail = left.split(b" "), right.split(b" ")
        if len(fields) < 5 or len(tail) < 3:
            continue
        shown, at = _unescaped(fields[3]).removesuffix("//deleted"), _unescaped(fields[4])
        if tail[0] == b"cgroup2":
            mounts[2].append(_Mount(_parts(shown), top + at.rstrip("/")))
        elif tail[0] == b"cgroup" and b"memory" in tail[2].split(b","):
            mounts[1].append(_Mount(_parts(shown), top + at.rstrip("/")))
    return {version: sorted(found, key=lambda mount: -len(mount.shown)) for version, found in mounts.items()}


def _folders(path: str, mounts: list[_Mount], version: int, unknowns: list[str]) -> list[str]:
    """The folders of `path` and of all above it that some mount shows, innermost first."""
    parts = _parts(path)
    if parts and not _shown(parts, mounts, version):
        # So the kernel calls a cgroup that was removed while we are in it.
        parts = _parts(path.removesuffix(" (deleted)"))
    folders: list[str] = []
    own = _shown(parts, mounts, version)
    inner = parts
    while inner and inner[-1] != "..":
        folders += _shown(inner, mounts, version)
        inner = inner[:-1]
    folders += _shown(inner, mounts, version)
    if not folders:
        # We live outside of what is mounted (a namespace): a mount point is the nearest that is known.
        folders = [mount.at for mount in mounts if _has_account(mount.at, version)][:1]
    if folders and not own:
        unknowns.append(f"the cgroup {printable(path)} is not to be seen: {printable(folders[0])} is taken for it")
    return folders


def _shown(parts: tuple[str, ...], mounts: list[_Mount], version: int) -> list[str]:
    """The folder of one cgroup, in the mount that shows it most closely; none where no mount does."""
    folders: list[str] = []
    for shown, at in mounts:
        inside = parts[len(shown) :]
        if parts[: len(shown)] == shown and ".." not in inside and _is_folder(folder := "/".join((at, *inside))):
            folders.append(folder)
    return sorted(folders, key=lambda folder: not _has_account(folder, version))[:1]


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part not in {"", "."})


def _unescaped(field: bytes) -> str:
    """In mountinfo, the kernel writes a space, a tab, a line feed and a backslash as three octal digits."""
    return os.fsdecode(re.sub(rb"\\([0-3][0-7]{2})", lambda found: bytes((int(found[1], 8),)), field))


def _has_account(folder: str, version: int) -> bool:
    return any(_is_there(f"{folder}/{name}") for name in ACCOUNT_FILES[version])


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where we may not look, or where a name is too long


def _is_there(path: str) -> bool:
    """Whether there is such a file, be it one that we may not look at."""
    try:
        Path(path).stat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _whole_file(path: str, unknowns: list[str]) -> bytes:
    """All of a file of /proc; nothing where this kernel has no such file."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        unknowns.append(_unread(path, error))
        return b""


def content(path: str, unknowns: list[str]) -> bytes | None:
    """A short file of the kernel, read in one go; None, with a sentence, where it can't be read."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            return os.read(handle, MOST_BYTES)
        finally:
            os.close(handle)
    except OSError as error:
        unknowns.append(_unread(path, error))
        return None


def value_of(text: bytes, key: bytes) -> bytes | None:
    """The word that follows `key` at the start of a line; `key` holds what separates them. None without `key`."""
    start = 0 if text.startswith(key) else text.find(b"\n" + key) + 1
    if not start and not text.startswith(key):
        return None
    start += len(key)
    end = text.find(b"\n", start)
    words = text[start : end if end >= 0 else len(text)].split(None, 1)
    return words[0] if words else b""


def number(word: bytes | None, path: str, unknowns: list[str], key: bytes = b"", *, least: int = 0) -> int | None:
    """A whole number from `least` to `NO_LIMIT_FROM`; None, with a sentence, for anything else."""
    if (
        word is not None
        and word.isdigit()
        and len(word) <= MOST_DIGITS
        and least <= (value := int(word)) < NO_LIMIT_FROM
    ):
        return value
    unknowns.append(not_understood(word, path, key))
    return None


def not_understood(word: bytes | None, path: str, key: bytes = b"") -> str:
    """The sentence for a word that makes no sense, or for a key that is not there."""
    what = f"{key.decode().strip(' :=')} in {_named(path)}" if key else _named(path)
    return f"{what} is not told" if word is None else f"{what} can't be understood: {word[:40].decode('latin-1')!a}"


def printable(text: str) -> str:
    """Without the bytes that are no text, which paths may hold."""
    return text.encode(errors="replace").decode()


def _limit(word: bytes | None, path: str, unknowns: list[str]) -> int | None:
    """A limit in bytes; None for none ("max", or a number too large), and, with a sentence, for nonsense and 0."""
    if word is None or word == b"max":
        return None
    is_number = word.isdigit() and len(word) <= MOST_DIGITS
    return None if is_number and int(word) >= NO_LIMIT_FROM else number(word, path, unknowns, least=1)


def _named(path: str) -> str:
    folder, _, name = printable(path).rpartition("/")
    return f"{name} of {folder}"


def _unread(path: str, error: OSError) -> str:
    return f"{_named(path)} can't be read: {error.strerror}"
