"""The machine: versions, settings, limits of processes, the clock."""

from __future__ import annotations

import difflib
import os
import platform
import resource
import sys
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tidegate.doctor.finding import Finding, failure, good, note
from tidegate.settings import FILE, Settings

PREFIX = "TIDEGATE_"
CLOCK_YEAR = 2026
"""This program is not older than that."""

LEAST_FILES = 1024
LEAST_PROCESSES = 200
"""A headless Chromium with a page has about 70 threads."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Of what runs here."""

    tidegate: str
    python: str
    playwright: str | None
    system: str
    kernel: str
    architecture: str


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """Which settings were given, where; and which variables look like settings and are none."""

    from_environment: tuple[str, ...]
    file: str | None
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """How many files and processes may be open. None is no limit, or not known."""

    open_files: int | None
    processes: int | None
    cgroup_processes: int | None
    cgroup_processes_now: int | None


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is here, and how text is written."""

    year: int
    zone: str
    zone_asked: str | None
    zone_is_known: bool
    encoding: str


def look_at_versions() -> Versions:
    """Look. Blocking, as all of them here."""
    try:
        playwright = version("playwright")
    except PackageNotFoundError:
        playwright = None
    return Versions(
        version("tidegate"),
        platform.python_version(),
        playwright,
        platform.system(),
        platform.release(),
        platform.machine(),
    )


def judge_versions(facts: Versions) -> Finding:
    """Nothing to judge but whether Playwright is there."""
    programs = f"Tidegate {facts.tidegate}, Python {facts.python}"
    system = f"{facts.system} {facts.kernel} on {facts.architecture}"
    if facts.playwright is None:
        return failure(
            f"{programs}, {system}; Playwright is not installed", "Install Tidegate anew: `pip install tidegate`."
        )
    return good(f"{programs}, Playwright {facts.playwright}, {system}")


def look_at_settings(environment: Mapping[str, str] = os.environ) -> GivenSettings:
    """Which are given. Their values may be secret and are not taken."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = sorted(name for name in environment if name.upper().startswith(PREFIX))
    file = Path(FILE)
    return GivenSettings(
        tuple(name for name in named if name.upper() in known),
        str(file.absolute()) if file.is_file() else None,
        tuple(name for name in named if name.upper() not in known),
    )


def judge_settings(facts: GivenSettings) -> Finding:
    """A variable that is none of ours is one that was mistyped."""
    places = [", ".join(facts.from_environment)] if facts.from_environment else []
    if facts.file is not None:
        places.append(facts.file)
    found = " and ".join(places) or "none given: all are as they are by default"
    if not facts.unknown:
        return good(found)
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    advice = []
    for name in facts.unknown:
        near = difflib.get_close_matches(name.upper(), known, n=1)
        advice.append(f"{name} is not heeded" + (f"; is {near[0]} meant?" if near else "."))
    return note(f"{found}; no settings: {', '.join(facts.unknown)}", " ".join(advice))


def look_at_process_limits(root: Path = Path("/")) -> ProcessLimits:
    """`ulimit -n`, `ulimit -u`, and the number of processes that the cgroup may have."""
    files, processes = (_soft(kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
    folder = _pids_cgroup(root)
    limit, now = (None, None) if folder is None else (_number(folder / f"pids.{name}") for name in ("max", "current"))
    return ProcessLimits(files, processes, limit, now)


def _soft(kind: int) -> int | None:
    limit = resource.getrlimit(kind)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _pids_cgroup(root: Path) -> Path | None:
    """The nearest folder that limits processes, of cgroup v1 or v2."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers not in {"", "pids"}:
            continue
        top = root / "sys/fs/cgroup" / controllers
        own = top / path.strip("/")
        for folder in (own, *own.parents):
            if _number(folder / "pids.max") is not None:
                return folder
            if folder == top:
                break
    return None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def judge_process_limits(facts: ProcessLimits) -> Finding:
    """Chromium has many threads, each of which counts."""
    left = None
    if facts.cgroup_processes is not None and facts.cgroup_processes_now is not None:
        left = facts.cgroup_processes - facts.cgroup_processes_now
    files = "no limit of" if facts.open_files is None else f"{facts.open_files:,}"
    by_user = "no limit of" if facts.processes is None else f"{facts.processes:,}"
    by_cgroup = "" if left is None else f", {left:,} of {facts.cgroup_processes:,} left in the cgroup"
    found = f"{files} open files, {by_user} processes{by_cgroup}"
    advice = []
    if facts.open_files is not None and facts.open_files < LEAST_FILES:
        advice.append(f"Allow {LEAST_FILES} open files: `ulimit -n`, or `--ulimit nofile` of the container.")
    if any(limit is not None and limit < LEAST_PROCESSES for limit in (facts.processes, left)):
        advice.append(
            f"Chromium has about 70 threads, and more with each page: allow {LEAST_PROCESSES} at least, with "
            "`ulimit -u`, or `--pids-limit` of the container."
        )
    return note(found, " ".join(advice)) if advice else good(found)


def look_at_clock() -> Clock:
    """The time, the zone, and the encoding."""
    asked = os.environ.get("TZ") or None
    return Clock(
        datetime.now(UTC).year,
        datetime.now().astimezone().tzname() or "unknown",
        asked,
        asked is None or _is_zone(asked.removeprefix(":")),
        getattr(sys.stdout, "encoding", None) or sys.getfilesystemencoding(),
    )


def _is_zone(name: str) -> bool:
    """Whether there is data for a zone. One that is spelled out, such as "CET-1CEST", needs none."""
    if name.startswith("/"):
        return Path(name).is_file()
    if "/" not in name:
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def judge_clock(facts: Clock) -> Finding:
    """A clock that is far off breaks TLS; a zone that is not known is UTC without a word."""
    found = f"the year is {facts.year}, time zone {facts.zone}, text is {facts.encoding}"
    if facts.year < CLOCK_YEAR:
        return failure(found, "The clock is years behind, and no certificate will be taken for valid: set it.")
    advice = []
    if not facts.zone_is_known:
        advice.append(
            f"There is no data for TZ={facts.zone_asked}, so times are shown in UTC: `apt-get install tzdata`."
        )
    if facts.encoding.lower().replace("-", "") != "utf8":
        advice.append("Names and posts may not be printed as they are: set LANG=C.UTF-8.")
    return note(found, " ".join(advice)) if advice else good(found)
