"""Scratch folders: each browser has one, and what a killed run has left is ended and swept at the next start.

A folder is locked for as long as its owner lives: the kernel lets go of the lock with the process, whatever it dies
of and in whatever container it ran. What was started for a folder has it as its TMPDIR, so that what is left of a run
can be told from everything else, also when its parent is gone.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil

from browser_pool.errors import NoScratch
from browser_pool.processes import end

NAME = re.compile(r"tidegate-\d+-\w+")
TRIES = 10


class Scratch:
    """A folder of one browser's own. Made by `make`; ours until `remove`. All of it blocks."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def make(cls, root: Path | None) -> Scratch:
        """A new folder below `root`, or below the system's temporary folder. Orphans beside it are swept first.

        Raises `NoScratch`.
        """
        place = root or Path(tempfile.gettempdir())
        try:
            sweep(place)
            for _ in range(TRIES):
                path = Path(tempfile.mkdtemp(prefix=f"tidegate-{os.getpid()}-", dir=place))
                # Somebody who sweeps may come between each two of these.
                try:
                    lock = _lock(path)
                except FileNotFoundError:
                    continue
                if lock is not None and path.exists():
                    return cls(path, lock)
                if lock is not None:
                    os.close(lock)
        except OSError as error:
            raise NoScratch(str(place), error.strerror or str(error)) from None
        raise NoScratch(str(place), "it is removed as soon as it is made")

    def remove(self) -> None:
        """End what still runs with it, and remove it. Twice is harmless."""
        _clear(self.path)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep(place: Path) -> list[Path]:
    """Remove the folders in `place` whose owner is gone. Only our own user's; never what a link points to."""
    return [folder for folder in place.glob("tidegate-*") if _swept(folder)]


def started_for(folder: Path) -> list[psutil.Process]:
    """What was started with `folder` as its TMPDIR, and still runs. What may not be looked into is not ours."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _swept(folder: Path) -> bool:
    try:
        is_ours = NAME.fullmatch(folder.name) and not folder.is_symlink() and folder.is_dir()
        if not is_ours or folder.stat().st_uid != os.geteuid():
            return False
        lock = _lock(folder)
    except FileNotFoundError:
        # Another one swept at the same time.
        return False
    if lock is None:
        return False
    _clear(folder)
    os.close(lock)
    return True


def _clear(folder: Path) -> None:
    end(started_for(folder), patience_seconds=0.0)
    shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int | None:
    """Lock it and return what holds the lock; None if somebody else does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
