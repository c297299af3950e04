"""Scratch folders: each driver has one, and what a killed run has left behind is swept at the next start.

The name holds the process that owns the folder, by pid and start time, so that a pid which somebody else has today
protects nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil

from browser_pool.errors import NoScratch

CLOCK_SECONDS = 5
"""A start time is reckoned from the clock, which may be set: two that are so close are the same."""

NAME = re.compile(r"tidegate-(\d+)-(\d+)-\w+")


def make_scratch(root: Path | None) -> Path:
    """A new folder below `root`, or below the system's temporary folder. Orphans beside it are removed first.

    Raises `NoScratch`.
    """
    place = root or Path(tempfile.gettempdir())
    try:
        sweep(place)
        return Path(tempfile.mkdtemp(prefix=f"tidegate-{os.getpid()}-{_started(os.getpid())}-", dir=place))
    except OSError as error:
        raise NoScratch(str(place), error.strerror or str(error)) from None


def sweep(place: Path) -> list[Path]:
    """Remove the folders in `place` whose owner is gone. Only our own user's; never what a link points to."""
    orphans = [folder for folder in place.glob("tidegate-*") if _is_orphan(folder)]
    for folder in orphans:
        shutil.rmtree(folder, ignore_errors=True)
    return orphans


def _is_orphan(folder: Path) -> bool:
    named = NAME.fullmatch(folder.name)
    if named is None or folder.is_symlink() or not folder.is_dir():
        return False
    if folder.stat().st_uid != os.geteuid():
        return False
    started = _started(int(named[1]))
    return started is None or abs(started - int(named[2])) > CLOCK_SECONDS


def _started(pid: int) -> int | None:
    """When a process started, in seconds of the epoch; None if there is none."""
    try:
        return round(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None
