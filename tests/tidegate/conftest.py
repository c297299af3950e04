"""The command line, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.main import get_command

from tidegate.cli import app
from tidegate.running import exit_code_of

COMMAND: Any = get_command(app)
"""As `app` makes it at each call, which takes 30 ms."""

Said = tuple[int, str, str]
"""Exit code, stdout, stderr."""


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command in this process: `say("scrape", "page.html")`."""

    def run(*words: str) -> Said:
        code = exit_code_of(lambda: COMMAND.main(list(words), standalone_mode=False))
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def start(open_folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a process of its own, with a data folder that is kept from one to the next."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 our own command
            [*prefix, sys.executable, "-m", "tidegate.cli", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TIDEGATE_DATA_DIR": str(open_folder / "cli"), "COLUMNS": "160"},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def left_over(open_folder: Path) -> Callable[[], list[str]]:
    """What still runs of what `start` has started: every process below it has inherited our data folder."""

    def look() -> list[str]:
        found: list[str] = []
        for process in psutil.process_iter():
            try:
                is_ours = process.environ().get("TIDEGATE_DATA_DIR") == str(open_folder / "cli")
                if is_ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline())[:200])
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    return look
