"""A folder of Postgres data: made, checked, served, and seen stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import psutil
import structlog

from scraper.store.account import Account
from scraper.store.binaries import PostgresBinaries
from scraper.store.errors import DatabaseUnavailable

log = structlog.get_logger()

USER = "tidegate"
MAKE_SECONDS = 60.0
STOP_SECONDS = 15.0

SMALL = {
    "shared_buffers": "16MB",
    "max_connections": "30",
    "work_mem": "2MB",
    "maintenance_work_mem": "16MB",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "log_min_messages": "warning",
}
"""For a server beside a browser in a small container: one small pool of connections, no helpers that idle."""


def initialise(binaries: PostgresBinaries, data: Path, account: Account) -> None:
    """Make the data folder with initdb. Blocking. Raises `DatabaseUnavailable` with what initdb said."""
    done = subprocess.run(  # noqa: S603 our own binary, no shell
        [
            binaries.folder / "initdb",
            *("-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MAKE_SECONDS,
        check=False,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[] if account.uid is not None else None,
    )
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        # Its last words are of cleaning up; the reason is some lines above.
        reasons = [line for line in lines if "FATAL:" in line or "error:" in line] or lines[-1:]
        raise DatabaseUnavailable(f"initdb could not make a database in {data}: {' '.join(reasons[:1])}")


def check_version(binaries: PostgresBinaries, data: Path) -> None:
    """See that these binaries can serve that data. Raises `DatabaseUnavailable` if another major version made it."""
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made_by != binaries.major:
        raise DatabaseUnavailable(
            f"the database in {data} was made by Postgres {made_by}, and this is {binaries.version}. "
            f"Install Postgres {made_by}, or move the folder away to start with an empty one."
        )


def is_running(pid: int | None) -> bool:
    """Whether a process of that id lives."""
    if pid is None or not psutil.pid_exists(pid):
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def is_server_of(data: Path, pid: int) -> bool:
    """Whether that process is the server of this data folder, and not one that has its number today."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(pid)
        return "postgres" in process.name() and (
            str(data) in process.cmdline() or process.cwd() == str(data.resolve())
        )
    return False


def see_ended(pid: int, data: Path) -> None:
    """Wait until it has ended; after a while, end it. Only ever called for a server of our own folder."""
    if not is_server_of(data, pid):
        return
    try:
        psutil.Process(pid).wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        log.warning("postgres.slow_to_stop", pid=pid, after_seconds=STOP_SECONDS)
        os.kill(pid, signal.SIGQUIT)
        with contextlib.suppress(psutil.TimeoutExpired):
            psutil.Process(pid).wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        return
