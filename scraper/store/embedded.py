"""An own Postgres, for everybody who has none: started when first needed, stopped when nobody needs it.

Any number of Tidegate processes share one server. The first starts it; the last to leave stops it. The server hangs
on a keeper, a tiny shell that reads a FIFO which every user of the server holds open for writing: when the last of
them is gone, even by SIGKILL, the keeper reads the end of the file and stops the server.

It listens on a Unix socket only, in a folder that only its user can enter. Postgres refuses to run as root, so root
hands it to an unprivileged user.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

import asyncpg
import structlog

from scraper.store.account import Account, can_enter, runnable, unprivileged
from scraper.store.binaries import PostgresBinaries, find_postgres
from scraper.store.cluster import (
    SMALL,
    STOP_SECONDS,
    USER,
    check_version,
    initialise,
    is_running,
    is_server_of,
    see_ended,
)
from scraper.store.errors import DatabaseUnavailable

log = structlog.get_logger()

DATABASE = "tidegate"
PORT = 5432
SOCKET_PATH_BYTES = 90
START_SECONDS = 60.0
LOOK_SECONDS = 2.0

KEEPER = """
fifo=$1; shift
"$@" & server=$!
(exec < "$fifo"; while read -r _; do :; done; kill -INT $server 2>/dev/null) & watcher=$!
wait $server; code=$?
kill $watcher 2>/dev/null
exit $code
"""


class EmbeddedPostgres:
    """A running server while entered. `dsn` is how to connect to it.

    Raises `DatabaseUnavailable` with what to do.
    """

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether there is a database in `folder` already."""
        return (folder / "postgres" / "PG_VERSION").exists()

    @staticmethod
    def runs_in(folder: Path) -> bool:
        """Whether the database in `folder` is being served, or was when its server crashed."""
        return (folder / "postgres" / "postmaster.pid").exists()

    def __init__(self, folder: Path) -> None:
        self.folder = folder = folder.absolute()
        self._data = folder / "postgres"
        self._fifo = folder / "postgres.in-use"
        self._log = folder / "postgres.log"
        self._socket = _socket_folder(folder)
        self._in_use_fd = -1
        self._users_fd = -1
        self._keeper: subprocess.Popen[bytes] | None = None
        self._used_pid: int | None = None

    @property
    def dsn(self) -> str:
        """How asyncpg, or any other client on this machine, connects."""
        return self._dsn(DATABASE)

    @property
    def pid(self) -> int | None:
        """The server's process id; None when it does not run."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
        return None

    async def __aenter__(self) -> Self:
        try:
            account = await asyncio.to_thread(self._make_folders)
        except OSError as error:
            raise DatabaseUnavailable(
                f"can't keep a database in {self.folder}: {error.strerror}. "
                "Choose a folder with TIDEGATE_DATA_DIR, or a server with TIDEGATE_DATABASE_URL."
            ) from None
        try:
            async with self._start_lock():
                self._users_fd = os.open(self.folder / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._users_fd, fcntl.LOCK_SH)
                if not await self._attach():
                    await self._start(account)
        except BaseException:
            await self._leave()
            raise
        self._used_pid = self.pid
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()

    async def keep_running(self) -> None:
        """Start the server anew whenever it has died, until this is cancelled. The address stays the same.

        Raises `DatabaseUnavailable` when its data has gone: a new database in its place would be an empty one.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            # Another process may have started it anew: that one would take it along when it leaves.
            if self.pid == self._used_pid and is_running(self.pid):
                continue
            if not self.is_in(self.folder):
                raise self._lost()
            try:
                async with self._start_lock():
                    if not await self._attach_anew():
                        log.error("postgres.died", folder=str(self.folder), last_words=self._last_words())
                        await self._start(await asyncio.to_thread(self._make_folders), may_be_new=False)
                self._used_pid = self.pid
            except (OSError, DatabaseUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                # It may die again at once; then it is started once more.
                log.warning("postgres.not_restarted", error=str(error))

    def _lost(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"the database failed while it was at work: its data in {self._data} has gone. "
            "Bring the folder back, or a backup with `tidegate db restore`."
        )

    async def _attach_anew(self) -> bool:
        """Let go of the server that has died, and use the one that another process has started since, if one has."""
        if self._in_use_fd >= 0:
            os.close(self._in_use_fd)
            self._in_use_fd = -1
        if self._keeper is not None:
            await asyncio.to_thread(self._keeper.wait)
            self._keeper = None
        return await self._attach()

    async def _attach(self) -> bool:
        """Use the server that runs already; False if none does."""
        try:
            self._in_use_fd = os.open(self._fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            await self._connect_once("postgres")
        except (OSError, asyncpg.PostgresError, TimeoutError):
            # It is on its way down: its last user left just now.
            os.close(self._in_use_fd)
            self._in_use_fd = -1
            return False
        return True

    async def _start(self, account: Account, *, may_be_new: bool = True) -> None:
        await asyncio.to_thread(self._end_leftover)
        binaries = await asyncio.to_thread(runnable, find_postgres(), self.folder, account)
        is_new = not (self._data / "PG_VERSION").exists()
        if is_new and not may_be_new:
            raise self._lost()
        if is_new:
            await asyncio.to_thread(initialise, binaries, self._data, account)
        check_version(binaries, self._data)
        self._fifo.unlink(missing_ok=True)
        os.mkfifo(self._fifo, 0o600)
        if account.uid is not None:
            os.chown(self._fifo, account.uid, account.gid or -1)
        both_ends = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK)
        try:
            self._keeper = self._spawn(binaries, account)
            await self._wait_until_ready()
            self._in_use_fd = os.open(self._fifo, os.O_WRONLY | os.O_NONBLOCK)
        finally:
            os.close(both_ends)
        await self._make_database()
        log.info("postgres.started", version=binaries.version, folder=str(self.folder), new=is_new)

    def _spawn(self, binaries: PostgresBinaries, account: Account) -> subprocess.Popen[bytes]:
        options = [f"-c{name}={value}" for name, value in {**SMALL, "port": str(PORT)}.items()]
        if int(binaries.major) < 18:
            options = [option for option in options if "io_method" not in option]
        command = [binaries.folder / "postgres", "-D", self._data, "-k", self._socket, *options]
        with self._log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 our own binary, no shell expansion
                ["/bin/sh", "-c", KEEPER, "tidegate-keeper", str(self._fifo), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
                user=account.uid,
                group=account.gid,
                extra_groups=[] if account.uid is not None else None,
            )

    async def _wait_until_ready(self) -> None:
        started = time.monotonic()
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, TimeoutError):
                await self._connect_once("postgres")
                return
            if self._keeper is not None and self._keeper.poll() is not None:
                raise DatabaseUnavailable(f"the embedded Postgres did not start: {self._last_words()}")
            if time.monotonic() - started > START_SECONDS:
                raise DatabaseUnavailable(
                    f"the embedded Postgres did not answer in {START_SECONDS:.0f} s; its log is {self._log}"
                )
            await asyncio.sleep(0.02)

    async def _connect_once(self, database: str) -> None:
        connection = await asyncpg.connect(self._dsn(database), timeout=5)
        await connection.close(timeout=5)

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(self._dsn("postgres"), timeout=10)
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE, timeout=10):
                await connection.execute(f'create database "{DATABASE}"', timeout=60)
        finally:
            await connection.close(timeout=5)

    async def _leave(self) -> None:
        """Let go of the server; whoever is the last to do so sees it stopped.

        The folder may have been removed meanwhile, or replaced: it is the server that was used which is let go of.
        """
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                await stack.enter_async_context(self._start_lock())
            pid, users = self._used_pid or self.pid, self._users_fd
            if self._in_use_fd >= 0:
                os.close(self._in_use_fd)
            self._in_use_fd = self._users_fd = -1
            self._used_pid = None
            if users >= 0:
                is_last = _lock(users, fcntl.LOCK_EX)
                os.close(users)
                if is_last and pid is not None:
                    await asyncio.to_thread(see_ended, pid, self._data)
                if is_last and self._socket.parent != self.folder:
                    with contextlib.suppress(OSError):
                        self._socket.rmdir()
            if self._keeper is not None:
                # Our child, but not ours to end while others use the server.
                _outliving.append(self._keeper) if is_running(pid) else await asyncio.to_thread(self._keeper.wait)
                self._keeper = None

    @contextlib.asynccontextmanager
    async def _start_lock(self) -> AsyncIterator[None]:
        """One at a time starts, attaches or leaves."""
        descriptor = os.open(self.folder / "postgres.start", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                async with asyncio.timeout(START_SECONDS + STOP_SECONDS):
                    while not _lock(descriptor, fcntl.LOCK_EX):  # noqa: ASYNC110 another process has no event to wait for
                        await asyncio.sleep(0.05)
            except TimeoutError:
                raise DatabaseUnavailable(
                    f"another process has been starting the server in {self.folder} for too long"
                ) from None
            yield
        finally:
            os.close(descriptor)

    def _end_leftover(self) -> None:
        """A server whose keeper was killed: nobody would ever stop it.

        After a crash another process may have its pid. That one is left alone, and the file that names it is taken
        away: Postgres would take it for a server of this folder, and not start.
        """
        pid = self.pid
        if pid is None or not is_running(pid):
            return
        if not is_server_of(self._data, pid):
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            return
        log.warning("postgres.leftover", pid=pid)
        os.kill(pid, signal.SIGINT)
        see_ended(pid, self._data)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return f"{lines[-1]} (log: {self._log})" if lines else f"see {self._log}"
        return "it left no log"

    def _make_folders(self) -> Account:
        """The folders, with the right owners. Blocking, and raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        account = unprivileged() if os.geteuid() == 0 else Account(None, None)
        for folder in (self._data, self._socket):
            folder.mkdir(mode=0o700, exist_ok=True)
            if account.uid is not None:
                os.chown(folder, account.uid, account.gid or -1, follow_symlinks=folder is self._data)
        # It may be in the temporary folder, where anybody could have put something in its place before us.
        if self._socket.is_symlink():
            raise FileExistsError(errno.EEXIST, f"{self._socket} is a link", self._socket)
        self._socket.chmod(0o700)
        if account.uid is not None and not can_enter(self.folder, account.uid):
            raise DatabaseUnavailable(
                f"Postgres does not run as root, and the user it would run as can't enter {self.folder}. "
                "Choose a folder below /var/lib with TIDEGATE_DATA_DIR."
            )
        return account

    def _dsn(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={quote(str(self._socket), safe='')}&port={PORT}"


_outliving: list[subprocess.Popen[bytes]] = []
"""Keepers of servers that others still use when we leave."""


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_folder(folder: Path) -> Path:
    """Beside the data; in the temporary folder where that path would be too long for a socket."""
    beside = folder / "socket"
    if len(os.fsencode(beside)) <= SOCKET_PATH_BYTES:
        return beside
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tidegate-{name}"
