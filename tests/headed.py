"""A screen to open windows on, where there is none: Xvfb, and a Chromium that has windows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser_pool import ChromiumNotFound, find_chromium

HOW = "`apt-get install xvfb chromium` gets both"


@pytest.fixture(scope="session")
def windowed_chromium() -> Path:
    """The Chromium that a headed pool would take."""
    try:
        return find_chromium(headed=True).executable
    except ChromiumNotFound:
        pytest.skip(f"there is no Chromium with windows here; {HOW}")


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """An Xvfb of our own, as DISPLAY names it."""
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        pytest.skip(f"there is no Xvfb here; {HOW}")
    reading, writing = os.pipe()
    process = subprocess.Popen(  # noqa: S603 where the system has it
        [xvfb, "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    if not number:
        process.wait()
        pytest.skip("Xvfb does not start here")
    yield f":{number}"
    process.terminate()
    process.wait()


@pytest.fixture
def display(screen: str, windowed_chromium: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """DISPLAY set to a screen of our own, with a Chromium that can open a window there."""
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return screen
