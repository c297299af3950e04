"""Getting what is missing to open a page: a Chromium that starts, and what Playwright's driver needs to run.

Playwright's own headless shell comes first because it fits the driver that we use. Where that download can't be had,
or does not start for want of system libraries, the system's package manager is asked: it needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from browser_pool.chromium import Chromium, find_chromium, has_playwrights_own
from browser_pool.errors import ChromiumNotFound, LaunchFailed

DOWNLOAD_SECONDS = 600.0
PACKAGE_SECONDS = 900.0
PACKAGES = ("chromium-headless-shell", "chromium")
DRIVER_PACKAGE = "libatomic1"
START_SECONDS = 30.0


def provide_chromium(setting: Path | None, tell: Callable[[str], None]) -> Chromium:
    """A Chromium that starts: the one that is there, or one that is got now. Takes minutes at worst.

    Raises `ChromiumNotFound` with what is left to do by hand.
    """
    tried: list[str] = []
    for get in (None, _from_playwright, _libraries_for_playwright, _from_packages):
        if get is not None:
            problem = get(tell)
            if problem is not None:
                tried.append(problem)
                continue
        try:
            chromium = find_chromium(setting)
            check_start(chromium)
        except (ChromiumNotFound, LaunchFailed) as error:
            tried.append(str(error))
            if setting is not None:
                raise
        else:
            return chromium
    for problem in tried:
        tell(problem)
    raise ChromiumNotFound(("this system", "Playwright's download", "the system's packages"))


def provide_driver(tell: Callable[[str], None]) -> None:
    """See that Playwright's driver runs: its Node needs a library that a minimal system lacks.

    Raises `LaunchFailed` with what is left to do by hand.
    """
    command = [sys.executable, "-m", "playwright", "--version"]
    problem = _run(command, START_SECONDS)
    if problem is None:
        return
    tell(f"Playwright's driver does not run ({problem}): installing the system's {DRIVER_PACKAGE}")
    refused = _install((DRIVER_PACKAGE,))
    problem = _run(command, START_SECONDS)
    if problem is not None:
        raise LaunchFailed("Playwright's driver", f"{problem}; {refused or 'it did not help'}")


def check_start(chromium: Chromium) -> None:
    """See that it starts at all: a downloaded one may lack system libraries. Raises `LaunchFailed`."""
    try:
        done = subprocess.run(  # noqa: S603 an executable that was found, no shell
            [chromium.executable, "--version"],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaunchFailed(str(chromium.executable), str(error)) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise LaunchFailed(str(chromium.executable), said[-1] if said else f"exit code {done.returncode}")


def _from_playwright(tell: Callable[[str], None]) -> str | None:
    """Download Playwright's own headless shell. Returns what went wrong, None if nothing did."""
    tell("no browser yet: getting Playwright's own headless Chromium (about 110 MB)")
    return _run([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], DOWNLOAD_SECONDS)


def _libraries_for_playwright(tell: Callable[[str], None]) -> str | None:
    """Install what Playwright's own browser needs to start. Returns what went wrong, None if nothing did."""
    if not has_playwrights_own():
        return "Playwright's own browser is not there"
    if os.geteuid() != 0:
        return "not root: have an administrator run `playwright install-deps chromium-headless-shell`"
    tell("Playwright's own browser does not start: installing the system libraries it needs")
    return _run(
        [sys.executable, "-m", "playwright", "install-deps", "chromium-headless-shell"],
        PACKAGE_SECONDS,
        {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


def _from_packages(tell: Callable[[str], None]) -> str | None:
    """Install the system's package. Returns what went wrong, None if nothing did."""
    tell(f"Playwright's download can't be had here or does not start: installing the system's {PACKAGES[0]}")
    return _install(PACKAGES)


def _install(packages: Sequence[str]) -> str | None:
    """Install the first of `packages` that can be had. Returns what went wrong, None if nothing did."""
    apt = shutil.which("apt-get")
    if apt is None:
        return f"there is no apt-get here: install {packages[0]} with your package manager"
    as_root = [] if os.geteuid() == 0 else [sudo, "-n"] if (sudo := shutil.which("sudo")) else None
    by_hand = f"have an administrator run `apt-get install {packages[0]}`"
    if as_root is None:
        return f"not root, and no sudo: {by_hand}"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    problem = _run([*as_root, apt, "update", "-q"], PACKAGE_SECONDS, environment)
    for package in packages:
        problem = _run(
            [*as_root, apt, "install", "-y", "-q", "--no-install-recommends", package], PACKAGE_SECONDS, environment
        )
        if problem is None:
            return None
    return f"{problem}; {by_hand}"


def _run(command: Sequence[str], seconds: float, environment: dict[str, str] | None = None) -> str | None:
    name = " ".join(Path(part).name for part in command[:4])
    try:
        done = subprocess.run(  # noqa: S603 fixed commands, no shell
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`{name}`: {error}"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("E:", "Error:")) or "error while loading" in line]
    telling = (told or lines or [f"exit code {done.returncode}"])[-1].rstrip(".")
    return f"`{name}` failed: {telling}"
