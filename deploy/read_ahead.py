"""How much the disk of a folder reads ahead: what a cold start in little memory depends on most."""  # noqa: INP001 programs, no package

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def read_ahead_file(folder: Path, root: Path = Path("/")) -> Path | None:
    """The file that says it, in KiB; None where the disk can't be told."""
    number = folder.stat().st_dev
    place = (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    # A partition has none of its own.
    files = [disk / "queue/read_ahead_kb" for disk in (place, place.parent)]
    return next((file for file in files if file.is_file()), None)


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
