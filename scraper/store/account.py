"""Who runs the server: Postgres refuses root, so root hands it to an unprivileged user."""

from __future__ import annotations

import contextlib
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scraper.store.binaries import PostgresBinaries
from scraper.store.errors import DatabaseUnavailable

UNPRIVILEGED = ("tidegate", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group of this system; None for "as we are"."""

    uid: int | None
    gid: int | None


def unprivileged() -> Account:
    """The user to run it as, when we are root. Raises `DatabaseUnavailable` if there is none."""
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailable(
        f"Postgres does not run as root, and there is none of the users {', '.join(UNPRIVILEGED)} to run it as. "
        "Run Tidegate as another user, or make one with `useradd --system tidegate`."
    )


def can_enter(path: Path, uid: int) -> bool:
    """May `uid`, as "other", pass through every folder down to `path`?"""
    for folder in (path, *path.resolve().parents):
        facts = folder.stat()
        needed = 0o100 if facts.st_uid == uid else 0o001
        if not facts.st_mode & needed:
            return False
    return True


def runnable(binaries: PostgresBinaries, folder: Path, account: Account) -> PostgresBinaries:
    """The binaries where `account` can run them: copied beside the data if their folder is closed to it."""
    if account.uid is None or can_enter(binaries.folder, account.uid):
        return binaries
    if not binaries.movable:
        raise DatabaseUnavailable(
            f"Postgres does not run as root, and the user it would run as can't enter {binaries.folder}. "
            "Open that folder to others, or set TIDEGATE_DATABASE_URL to a running server."
        )
    base = binaries.folder.parents[2]
    copy = folder / f"postgres-{binaries.version}"
    if not copy.exists():
        partial = Path(tempfile.mkdtemp(dir=folder, prefix="postgres-copy-"))
        try:
            for part in binaries.movable:
                shutil.copytree(part, partial / part.relative_to(base), symlinks=True)
            partial.chmod(0o755)
            partial.rename(copy)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return PostgresBinaries(copy / binaries.folder.relative_to(base), binaries.version)
