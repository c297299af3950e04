"""Which Chromium, and how it is started.

Found in this order: the user's setting, Playwright's own, the system's headless shell, the system's Chromium or
Chrome. A headless shell costs well under half the processor time a page of a full Chromium; only a full one can open
a window.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from browser_pool.errors import ChromiumNotFound

SHELLS = ("/usr/lib/chromium/chromium-headless-shell", "chromium-headless-shell", "chrome-headless-shell")
"""Debian's /usr/bin/chromium-headless-shell is a shell script that stays between us and the browser, so the binary
itself comes first."""

FULL = (
    "/usr/lib/chromium/chromium",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


@dataclass(frozen=True, slots=True)
class Chromium:
    """An executable and where it was found: "setting", "playwright" or "system"."""

    executable: Path
    found: str


def find_chromium(setting: Path | None = None, *, headed: bool = False) -> Chromium:
    """The Chromium to use. Raises `ChromiumNotFound`, which names every place that was looked at."""
    if setting is not None:
        if os.access(setting, os.X_OK) and setting.is_file():
            return Chromium(setting, "setting")
        raise ChromiumNotFound((f"{setting}, which is not an executable file",), headed=headed)
    for executable in _playwrights_own(headed=headed):
        return Chromium(executable, "playwright")
    names = FULL if headed else SHELLS + FULL
    for name in names:
        if (path := shutil.which(name)) is not None:
            return Chromium(Path(path), "system")
    raise ChromiumNotFound((str(_playwright_folder()), *names), headed=headed)


def has_playwrights_own() -> bool:
    """Whether Playwright has downloaded a browser of its own, be it one that starts or not."""
    return next(_playwrights_own(headed=False), None) is not None


def sandbox_is_possible() -> bool:
    """Chromium refuses its sandbox to root on Linux."""
    return not (sys.platform == "linux" and os.geteuid() == 0)


HEAP_SHARE = 0.5
"""Of the memory limit, for the JavaScript heap of one page. V8 goes by the memory of the machine, which a container
has not: a page that filled its heap without end took 450 MiB in 23 s, with clean-up running all the while, and the
kernel killed it. With this it ends by itself, and the others never notice."""

V8_SHARE = 0.25
"""What V8 allows a page of the machine's memory by itself."""


def added_flags(limit_bytes: int | None) -> tuple[str, ...]:
    """What is added to Playwright's own flags, each for a reason.

    Those already keep /dev/shm out of it and the network quiet; a second `--disable-features` would silently replace
    its list, so there is none.
    """
    # V8 prefers small memory to the last percent of speed. Measured on a page with 1.7 MB of script, two contexts,
    # 120 pages: renderers held 170 MiB instead of 340, at the same pages/s.
    engine = ["--optimize-for-size"]
    if limit_bytes is not None and limit_bytes * HEAP_SHARE < psutil.virtual_memory().total * V8_SHARE:
        engine.append(f"--max-old-space-size={int(limit_bytes * HEAP_SHARE) >> 20}")
    return (f"--js-flags={' '.join(engine)}",)


NO_WINDOWS = "--block-new-web-contents"
"""A page opens no windows. Nobody looks at one, and before it could be closed it has asked an address for a document
that no fence has been asked about. Only a headless Chromium knows the flag; any other has its windows closed."""

OWN_FLAGS = (
    "--remote-debugging-pipe",
    "--no-startup-window",
    # A folder of ours stands in for shared memory, which containers give 64 MB of.
    "--disable-dev-shm-usage",
    # Nothing goes to the network, or into memory, but what a page asks for.
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-component-extensions-with-background-pages",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-service-autorun",
    "--password-store=basic",
    "--use-mock-keychain",
    # A page that nobody looks at works as one that somebody looks at.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # Pages that were left are not kept for a way back.
    "--disable-back-forward-cache",
    # A lease has a deadline of its own for what hangs, and nobody is there to be asked.
    "--disable-hang-monitor",
    "--disable-popup-blocking",
    "--disable-prompt-on-repost",
    "--disable-search-engine-choice-screen",
    "--mute-audio",
    NO_WINDOWS,
    # http stays http where a site asks for it; no renderer is kept warm for a page that may never come; no screen is
    # looked for to cast to.
    (
        "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,MediaRouter,OptimizationHints,"
        "PaintHolding,SpareRendererForSitePerProcess"
    ),
)
"""The flags of a Chromium that we start ourselves. What Playwright sets for the sake of its own page is left out."""


def switches(*, headed: bool, sandbox: bool, profile: Path, limit_bytes: int | None) -> list[str]:
    """The command line of a Chromium that is spoken to through a pipe."""
    return [
        *OWN_FLAGS,
        *added_flags(limit_bytes),
        *(() if headed else ("--headless", "--hide-scrollbars")),
        *(() if sandbox else ("--no-sandbox",)),
        f"--user-data-dir={profile}",
    ]


def _playwright_folder() -> Path:
    if (folder := os.environ.get("PLAYWRIGHT_BROWSERS_PATH")) not in {None, "", "0"}:
        return Path(str(folder))
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/ms-playwright"
    return Path.home() / ".cache/ms-playwright"


def _playwrights_own(*, headed: bool) -> Iterator[Path]:
    """Playwright's browsers, newest first; the headless shell before the full one."""
    kinds = ("chromium-*",) if headed else ("chromium_headless_shell-*", "chromium-*")
    names = ("chrome-headless-shell", "headless_shell", "chrome", "Google Chrome for Testing", "Chromium")
    for kind in kinds:
        folders = sorted(_playwright_folder().glob(kind), key=_build, reverse=True)
        for folder in folders:
            for path in folder.rglob("*"):
                if path.name in names and path.is_file() and os.access(path, os.X_OK):
                    yield path


def _build(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
