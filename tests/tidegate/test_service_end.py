"""How a service ends: told to while it starts, and with or without tasks that are left."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.processes

PATIENCE_SECONDS = 60
SERVICE = """
import asyncio, os, signal, structlog, sys
import tidegate.running as running

structlog.configure(processors=[structlog.processors.JSONRenderer()])

async def leaves_one(stop):
    leaves_one.task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")

async def leaves_none(stop):
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0.01))

async def is_told_while_it_serves(stop):
    asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
    await stop.wait()

async def is_told_while_it_starts(stop):
    asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()

sys.exit(running.exit_code_of(lambda: running.serve_until_stopped(globals()[sys.argv[1]])))
"""


def end_of(service: str) -> tuple[int, list[Any] | None]:
    """Its exit code, and the tasks that it says were left."""
    done = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", SERVICE, service],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    said = [json.loads(line) for line in (done.stdout + done.stderr).splitlines() if line.startswith("{")]
    ended = [event for event in said if event["event"] == "loop.ended"]
    return done.returncode, ended[0]["tasks_left"] if ended else None


def test_a_service_that_ends_says_which_tasks_it_has_left() -> None:
    assert end_of("leaves_one") == (0, ["forgotten (Event.wait)"])
    assert end_of("leaves_none") == (0, [])


def test_one_that_serves_ends_in_order() -> None:
    assert end_of("is_told_while_it_serves") == (0, [])


def test_one_that_is_told_while_it_starts_does_not_start_first() -> None:
    assert end_of("is_told_while_it_starts")[0] == 0
