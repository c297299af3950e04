"""Sessions: what a person's login left behind, one file a site, worn by every lease of that site.

A session is a password: its folder is this user's alone (0700), its file too (0600), and one that others may read is
not worn. A new one is written beside the old one, tried, and takes its place in one step.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from browser_pool import Identity, IdentityRefused, IdentityUnreadable
from browser_pool.identity import DEFAULT_IDENTITY, Cookie, StorageState
from tidegate.redaction import Redaction, secrets_of

SITE: Final = re.compile(r"[a-z][a-z0-9_-]*")
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
TRIED: Final = ".tried"
LEFT_BEHIND_SECONDS: Final = 3600.0
"""A session that is being tried is tried for seconds. What is older is of a login that was killed."""

GUARDS: Final = frozenset({"__cf_bm", "_cfuvid", "cf_clearance"})
"""Cookies of those who stand in front of a site. They run out in minutes, are renewed at each visit, and tell
nothing about a login."""

NEVER: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 1


class SessionRefused(IdentityRefused):
    """A session that must not be worn, or can't be kept; the message says what to do."""

    def __init__(self, site: str, detail: str) -> None:
        super(IdentityRefused, self).__init__(f"the session of {site} can't be used: {detail}")


@dataclass(frozen=True, slots=True)
class Session:
    """What may be told of a session. `runs_out_at` is when `first_to_go`, one of its cookies, does.

    Both are None where nothing in it has an end. `problem` is why it can't be worn.
    """

    site: str
    since: datetime
    runs_out_at: datetime | None = None
    first_to_go: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class Candidate:
    """A new session on disk, beside the one that it may replace. `identity` wears it; `keep` puts it in place."""

    identity: Identity
    _path: Path = field(repr=False)
    _place: Path = field(repr=False)

    def keep(self) -> None:
        """Put it in the place of the old one, if there is one. Either is there, whatever happens."""
        self._path.replace(self._place)
        _sync(self._place.parent)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions in `folder`."""

    folder: Path

    def path_of(self, site: str) -> Path:
        """Where the session of `site` is, or would be. `ValueError` for what is no name of a site."""
        if SITE.fullmatch(site) is None:
            raise ValueError(f"{site!r} is no name of a site")
        return self.folder / f"{site}.json"

    def identity_of(self, site: str) -> Identity:
        """Who a lease of `site` is: whoever has logged in there, or nobody. Raises `SessionRefused`.

        Its name is another one for each session, so that a new login never gets a context of the old one.
        """
        if SITE.fullmatch(site) is None:
            return DEFAULT_IDENTITY
        path = self.path_of(site)
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return DEFAULT_IDENTITY
        except OSError as error:
            raise SessionRefused(site, f"{path}: {error.strerror}") from None
        problem = why_not_worn(found.st_mode, path)
        if problem is not None:
            raise SessionRefused(site, problem)
        return _worn(site, path, found)

    def redacted(self, site: str, text: str) -> str:
        """`text`, of a page of `site`, without the values of the session that it was read with. Blocking."""
        try:
            identity = self.identity_of(site)
            state = identity.read_storage().as_playwright_has_it()
        except (IdentityRefused, IdentityUnreadable):
            # It was not worn either.
            return text
        return Redaction(secrets_of(state)).text(text)

    def prepare(self, site: str) -> None:
        """Make the folder, as one that is nobody else's. Raises `SessionRefused` where nothing can be kept."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self._sweep(older_than_seconds=LEFT_BEHIND_SECONDS)
        except OSError as error:
            raise SessionRefused(site, f"{self.folder} can't be written to: {error.strerror}") from None

    @contextmanager
    def trying(self, site: str, state: Mapping[str, Any]) -> Iterator[Candidate]:
        """A new session, `state` as Playwright has it, to be tried. It is gone afterwards unless it was kept.

        Raises `SessionRefused` where it can't be written.
        """
        place = self.path_of(site)
        self.prepare(site)
        path: Path | None = None
        try:
            # Made by mkstemp it is 0600 before anything is in it.
            descriptor, name = tempfile.mkstemp(prefix=f"{site}.", suffix=TRIED, dir=self.folder)
            path = Path(name)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(state, file)
                file.flush()
                os.fsync(file.fileno())
            candidate = Candidate(_worn(site, path, path.lstat()), path, place)
        except OSError as error:
            if path is not None:
                path.unlink(missing_ok=True)
            raise SessionRefused(site, f"{self.folder} can't be written to: {error.strerror}") from None
        try:
            yield candidate
        finally:
            path.unlink(missing_ok=True)

    def remove(self, site: str) -> bool:
        """Remove the session of `site`; whether there was one. A link is removed, not what it leads to."""
        path = self.path_of(site)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        self._sweep(older_than_seconds=0.0, site=site)
        _sync(self.folder)
        return True

    def kept(self) -> list[Session]:
        """All that are there, by site."""
        sites = (path.stem for path in self.folder.glob("*.json"))
        return [self._told(site) for site in sorted(sites) if SITE.fullmatch(site)]

    def _told(self, site: str) -> Session:
        path = self.path_of(site)
        since = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
        try:
            state = self.identity_of(site).read_storage()
        except IdentityRefused as error:
            return Session(site, since, problem=str(error))
        first = first_to_go(state)
        if first is None:
            return Session(site, since)
        return Session(site, since, datetime.fromtimestamp(min(first.expires, NEVER), UTC), first.name)

    def _sweep(self, *, older_than_seconds: float, site: str = "") -> None:
        """Remove what a login that was killed has left behind."""
        for path in self.folder.glob(f"{site}.*{TRIED}" if site else f"*{TRIED}"):
            try:
                if time.time() - path.lstat().st_mtime >= older_than_seconds:
                    path.unlink()
            except FileNotFoundError:
                continue


def why_not_worn(mode: int, path: Path) -> str | None:
    """Why a file of this mode must not be worn as a session, and what to do; None if it may be. Pure."""
    if stat.S_ISLNK(mode):
        return f"{path} is a link; put the file itself there"
    if not stat.S_ISREG(mode):
        return f"{path} is no file"
    if mode & OTHERS:
        return f"others may read it, and it is as good as a password: chmod 600 {path}"
    return None


def first_to_go(state: StorageState) -> Cookie | None:
    """The cookie that a login is likely to end with: the first to run out of those that no script may read.

    Where there is none, the first of all. Those that end with the browser have no date. Pure.
    """
    dated = [one for one in state.cookies if one.expires > 0 and one.name not in GUARDS]
    return min([one for one in dated if one.httpOnly] or dated, key=lambda one: one.expires, default=None)


def _worn(site: str, path: Path, found: os.stat_result) -> Identity:
    # Of the file's place and times, and not of what is in it: a name that ends up in a log gives nothing away.
    mark = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return Identity(f"{site} {blake2b(repr(mark).encode(), digest_size=4).hexdigest()}", storage_state=path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
