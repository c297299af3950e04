"""How much the kernel reads from disk for each page of a program that is not in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from memory import MemoryGuard, mib
from tidegate.doctor.finding import Finding, good, note

MOST_SHARE = 0.005
"""Of the memory limit. A cold start in 320 MiB is as good as a warm one with 128 KiB; with 8 MiB it gets nowhere."""
USUAL = "128 KiB"


@dataclass(frozen=True, slots=True)
class Disk:
    """The disks that programs may be read from, and the most that one reads ahead; None where that is not told."""

    disks: tuple[str, ...]
    read_ahead_bytes: int | None
    limit_bytes: int | None


def look_at_disk(guard: MemoryGuard, program: Path | None, root: Path = Path("/")) -> Disk:
    """That of `program`, or all where its disk can't be told, as below the layers of a container."""
    found = _read_ahead(_disks(program, root))
    most = max(found.values(), default=None)
    return Disk(tuple(sorted(found)), most, guard.monitor.check_memory().limit_bytes)


def disk_of(path: Path, root: Path = Path("/")) -> Path | None:
    """The disk that `path` is on, as the kernel shows it; None where layers hide it. Raises `OSError`."""
    number = path.stat().st_dev
    place = (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    # A partition has no queue of its own.
    return next((folder for folder in (place, place.parent) if (folder / "queue").is_dir()), None)


def _disks(program: Path | None, root: Path) -> list[Path]:
    try:
        own = None if program is None else disk_of(program, root)
    except OSError:
        own = None
    return [own] if own else [one for one in (root / "sys/block").glob("*") if (one / "device").exists()]


def _read_ahead(disks: list[Path]) -> dict[str, int]:
    found = {}
    for disk in disks:
        try:
            found[disk.name] = int((disk / "queue/read_ahead_kb").read_text(encoding="ascii")) << 10
        except (OSError, ValueError):
            continue
    return found


def judge_disk(facts: Disk) -> Finding:
    """It matters where memory is short: what was read ahead drives out what is needed."""
    if facts.read_ahead_bytes is None:
        return good("what it reads ahead is not told here")
    found = f"{', '.join(facts.disks)}: {facts.read_ahead_bytes >> 10:,} KiB read ahead"
    if facts.limit_bytes is None or facts.read_ahead_bytes <= MOST_SHARE * facts.limit_bytes:
        return good(found)
    return note(
        f"{found}, with {mib(facts.limit_bytes)} of memory: a first start will read programs again and again",
        f"Have the machine read ahead less ({USUAL} is usual): `blockdev --setra 256 /dev/{facts.disks[0]}` as root "
        "on the host, or an udev rule; or raise the limit.",
    )
