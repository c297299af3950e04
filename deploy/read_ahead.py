"""How much the disk of a folder reads ahead: what a cold start in little memory depends on most."""  # noqa: INP001 programs, no package

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.doctor.disk import disk_of


def read_ahead_file(folder: Path, root: Path = Path("/")) -> Path | None:
    """The file that says it, in KiB; None where the disk can't be told."""
    disk = disk_of(folder, root)
    return None if disk is None else disk / "queue/read_ahead_kb"


@contextmanager
def reading_ahead(file: Path | None, kib: int | None) -> Iterator[str]:
    """Set to `kib` meanwhile, where it is given; gives what holds, in words. As root."""
    if file is None:
        yield "not known"
        return
    before = file.read_text(encoding="ascii").strip()
    if kib is None:
        yield f"{before} KiB"
        return
    file.write_text(str(kib), encoding="ascii")
    try:
        yield f"{kib} KiB, {before} otherwise"
    finally:
        file.write_text(before, encoding="ascii")
