"""Programs that are no Chromium, for those who look at one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from memory import MemoryGuard

MakeProgram = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path) -> MakeProgram:
    """Make an executable of the lines of a shell script."""

    def make(script: str) -> Path:
        path = tmp_path / "chromium"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
async def guard() -> AsyncIterator[MemoryGuard]:
    async with MemoryGuard() as entered:
        yield entered
