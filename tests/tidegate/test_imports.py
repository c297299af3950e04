"""A command costs what it does: `--help` must not cost a browser's memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes


def test_help_loads_neither_playwright_nor_asyncpg_nor_a_web_server() -> None:
    code = (
        "import sys\nfrom tidegate.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "print([name for name in ('playwright', 'asyncpg', 'starlette') if name in sys.modules])"
    )
    said = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "scrape" in said
    assert said.splitlines()[-1] == "[]"
