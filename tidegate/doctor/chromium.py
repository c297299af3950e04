"""Chromium's executable, Playwright's driver, and whether a window could be opened."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from browser_pool import ChromiumNotFound, find_chromium
from tidegate.doctor.asking import aside, run
from tidegate.doctor.finding import Finding, failure, good, note

NOT_NEEDED = "not needed: TIDEGATE_BROWSERS names none on this machine"
FOUND = {"setting": "as set", "playwright": "Playwright's own", "system": "the system's"}


@dataclass(frozen=True, slots=True)
class Executable:
    """The Chromium that would be used; where it was found: "setting", "playwright" or "system"."""

    looked_at: tuple[str, ...] = ()
    path: str | None = None
    found: str | None = None
    version: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """Playwright's Node driver, as it answers when it is asked for its version."""

    version: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A Chromium that has windows, and a display to show them on."""

    executable: str | None
    display: str | None


async def look_at_executable(setting: Path | None, seconds: float) -> Executable:
    """Find it, and have it tell its version."""
    try:
        chromium = await aside(lambda: find_chromium(setting))
    except ChromiumNotFound as error:
        return Executable(looked_at=error.looked_at)
    said = await run((chromium.executable, "--version"), seconds)
    version = re.search(r"\d+(\.\d+)+", said.text)
    problem = said.problem or (None if version else "it does not tell its version")
    return Executable(
        path=str(chromium.executable),
        found=chromium.found,
        version=version[0] if version and problem is None else None,
        problem=problem,
    )


def judge_executable(facts: Executable, *, is_set: bool, is_needed: bool) -> Finding:
    """Whether there is one that starts."""
    if not is_needed:
        return good(NOT_NEEDED)
    if facts.path is None:
        found = f"none found; looked at {', '.join(facts.looked_at)}"
        if is_set:
            return failure(found, "Correct TIDEGATE_CHROMIUM, or unset it to have one looked for.")
        return failure(
            found,
            "Get one: `tidegate setup`, or `apt-get install chromium-headless-shell` in the image; or name yours "
            "with TIDEGATE_CHROMIUM.",
        )
    where = f"{facts.path} ({FOUND.get(facts.found or '', facts.found)})"
    if facts.problem is not None:
        return failure(f"{where} does not start: {facts.problem}", advice_on_start(facts.problem))
    return good(f"{facts.version}, {where}")


def advice_on_start(problem: str) -> str:
    """What to do about a Chromium that does not start, going by what it said. Pure."""
    said = problem.lower()
    if "shared librar" in said:
        return "It lacks libraries of the system: `tidegate setup` gets them, as root; or use the system's Chromium."
    if "exec format" in said:
        return f"It is made for another processor: get one for {platform.machine()}."
    if "resource temporarily unavailable" in said or "pthread_create" in said:
        return "No more processes may be started: see `processes`."
    if "no space left" in said:
        return "There is no room for its files: see `scratch`."
    if "was killed" in said or "no answer" in said:
        return "See `memory` and `room` for whether there is enough; else try another with TIDEGATE_CHROMIUM."
    return "Run it by hand to see what it says, or try another: `tidegate setup`, or TIDEGATE_CHROMIUM."


async def look_at_driver(seconds: float) -> Driver:
    """Have it tell its version: it is a Node that needs a library which a minimal system lacks."""
    said = await run((sys.executable, "-m", "playwright", "--version"), seconds)
    version = re.search(r"\d+(\.\d+)+", said.text)
    if said.problem is not None or version is None:
        return Driver(problem=said.problem or "it does not tell its version")
    return Driver(version[0])


def judge_driver(facts: Driver, *, is_needed: bool) -> Finding:
    """Tidegate's own work on this machine does without it."""
    if facts.problem is None:
        return good(f"Playwright's Node driver {facts.version} runs")
    found = f"Playwright's Node driver does not run: {facts.problem}"
    advice = "`tidegate setup` gets what it lacks, mostly `apt-get install libatomic1`."
    if is_needed:
        return failure(f"{found}; a Playwright server can't be used without it", advice)
    return note(f"{found}; Tidegate's own commands do without it, `lease.page` and Playwright servers do not", advice)


def look_at_window(setting: Path | None) -> Window:
    """Blocking, for as long as it takes to look at a few folders."""
    try:
        executable = find_chromium(setting, headed=True).executable
    except ChromiumNotFound:
        executable = None
    has_windows = executable is not None and "headless" not in executable.name
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if sys.platform == "darwin":
        display = "the screen"
    return Window(str(executable) if has_windows else None, display or None)


def judge_window(facts: Window) -> Finding:
    """Nothing needs one but whoever wants to watch."""
    if facts.executable is not None and facts.display is not None:
        return good(f"possible: {facts.executable} on {facts.display}")
    missing = [] if facts.executable else ["no Chromium with windows"]
    missing += [] if facts.display else ["no display"]
    return note(
        f"not possible here ({', '.join(missing)}); only whoever wants to watch a browser work needs one",
        "`apt-get install chromium`, and a desktop or `xvfb-run`." if missing else "",
    )
