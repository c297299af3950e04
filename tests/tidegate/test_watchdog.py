"""A process whose event loop stands still is ended."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest
from structlog.testing import capture_logs

from tidegate.running import EXIT_FAILURE, Watchdog

PATIENCE_SECONDS = 30


async def test_a_loop_that_stands_still_is_ended_with_where_it_stands() -> None:
    ended, codes = threading.Event(), list[int]()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    def blocks_for_ever() -> None:
        assert ended.wait(PATIENCE_SECONDS)

    with capture_logs() as said, Watchdog(0.3, end):
        await asyncio.sleep(0)
        blocks_for_ever()
    assert codes == [EXIT_FAILURE]
    [blocked] = [event for event in said if event["event"] == "loop.blocked"]
    assert "blocks_for_ever" in blocked["at"]


async def test_a_loop_that_goes_on_is_left_alone() -> None:
    codes = list[int]()
    with Watchdog(0.6, codes.append):
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            # Busy, but never for as long as counts.
            time.sleep(0.02)  # noqa: ASYNC251 it is what is tried
            await asyncio.sleep(0)
    await asyncio.sleep(0.3)
    assert codes == []


@pytest.mark.processes
def test_a_service_whose_loop_is_blocked_ends_with_exit_code_1_and_says_where() -> None:
    code = """
import functools, time
import tidegate.running as running

running.Watchdog = functools.partial(running.Watchdog, 1.0)

async def plug_in(stop):
    time.sleep(600)

running.serve_until_stopped(plug_in)
"""
    done = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == EXIT_FAILURE
    assert "loop.blocked" in done.stdout + done.stderr
    assert "plug_in" in done.stdout + done.stderr
