"""Where things are written: the scratch folder, the data folder, and /dev/shm, which is not used."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from tidegate.doctor.finding import Finding, failure, good, note
from tidegate.settings import Settings

MIB = 1 << 20
MEMORY_DISKS = {"tmpfs", "ramfs"}
LEAST_INODES = 100
AMPLE_INODES = 1000


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to write to. None is not known; file systems without a fixed number of inodes tell none."""

    path: str
    free_bytes: int | None = None
    free_inodes: int | None = None
    disk: str | None = None
    problem: str | None = None
    passed_over: str | None = None
    """The folder that was asked for and can't be used, so that this one is taken."""


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """The folder for shared memory. None where there is none."""

    total_bytes: int | None
    free_bytes: int | None


def look_at_scratch() -> Folder:
    """Where Chromium keeps its profile and its shared memory while it runs."""
    try:
        folder = Path(tempfile.gettempdir())
        with tempfile.TemporaryDirectory(prefix="tidegate-doctor-", dir=folder):
            pass
    except OSError as error:
        return Folder(os.environ.get("TMPDIR", "/tmp"), problem=error.strerror or str(error))  # noqa: S108 named only
    asked = os.environ.get("TMPDIR")
    is_other = asked is not None and Path(asked).absolute() != folder.absolute()
    return replace(_folder(folder), passed_over=asked if is_other else None)


def look_at_data(settings: Settings) -> Folder | None:
    """Where the embedded Postgres keeps its data; None where another database is set."""
    return None if settings.database_url is not None else _folder(settings.data_dir.absolute())


def _folder(path: Path) -> Folder:
    there = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
    try:
        facts = os.statvfs(there)
    except OSError as error:
        return Folder(str(path), problem=error.strerror or str(error))
    return Folder(
        str(path), facts.f_bavail * facts.f_frsize, facts.f_favail if facts.f_files else None, _disk_of(there)
    )


def _disk_of(folder: Path) -> str | None:
    """The type of file system that a folder is on."""
    mounts = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    real = folder.resolve()
    return next((mounts[one] for one in (real, *real.parents) if one in mounts), None)


def judge_folder(facts: Folder | None, *, least_bytes: int, ample_bytes: int, setting: str) -> Finding:
    """Whether it can be written to, and has room. `setting` names another one."""
    if facts is None:
        return good("not needed: the database is elsewhere")
    if facts.problem is not None or facts.free_bytes is None:
        return failure(f"{facts.path} can't be written to: {facts.problem}", f"Choose another with {setting}.")
    inodes = "" if facts.free_inodes is None else f" and {facts.free_inodes:,} inodes"
    disk = f" ({facts.disk})" if facts.disk else ""
    found = f"{facts.path}{disk}: {facts.free_bytes // MIB:,} MiB{inodes} free"
    make_room = f"Make room there, or choose another folder with {setting}."
    if facts.free_bytes < least_bytes or _is_below(facts.free_inodes, LEAST_INODES):
        return failure(f"{found}, which is too little", make_room)
    if facts.free_bytes < ample_bytes or _is_below(facts.free_inodes, AMPLE_INODES):
        return note(f"{found}, which is little", make_room)
    return _judge_place(facts, found, setting)


def _is_below(free_inodes: int | None, least: int) -> bool:
    return free_inodes is not None and free_inodes < least


def _judge_place(facts: Folder, found: str, setting: str) -> Finding:
    if facts.passed_over is not None:
        return note(f"{found}; {facts.passed_over} can't be written to", f"Correct {setting}, or unset it.")
    if facts.disk in MEMORY_DISKS:
        return note(
            f"{found}; what is written there is memory, and counts against its limit",
            f"Name a folder on a disk with {setting}, where memory is short.",
        )
    return good(found)


def look_at_shared_memory() -> SharedMemory:
    """The size of /dev/shm, which containers give 64 MB."""
    try:
        facts = os.statvfs("/dev/shm")  # noqa: S108 it is only measured
    except OSError:
        return SharedMemory(None, None)
    return SharedMemory(facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize)


def judge_shared_memory(facts: SharedMemory) -> Finding:
    """Any size is fine."""
    because = "Chromium is told to use its scratch folder in its place"
    if facts.total_bytes is None or facts.free_bytes is None:
        return good(f"none, and not needed: {because}")
    return good(
        f"{facts.total_bytes // MIB:,} MiB, {facts.free_bytes // MIB:,} free; its size does not matter: {because}"
    )
