"""Asking the system: commands and blocking calls, of which none can keep us waiting for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MOST_BYTES = 1 << 16
END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and what went wrong with it; None if nothing did."""

    text: str
    problem: str | None = None


async def run(command: Sequence[str | Path], seconds: float) -> Said:
    """Run a command to its end, or for so many seconds. It and all that it has started is over then."""
    try:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Said("", error.strerror or type(error).__name__)
    try:
        async with asyncio.timeout(seconds):
            text = await _all_of(process)
            code = await process.wait()
    except BaseException as error:
        # It still lives, or something that it has started does: so the number of the group is still theirs.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            # Its end is seen only when all that it wrote has been read.
            async with asyncio.timeout(END_SECONDS):
                await process.communicate()
        if isinstance(error, TimeoutError):
            return Said("", f"no answer in {seconds:g} s")
        raise
    return Said(text, problem_of(code, text))


async def aside(call: Callable[[], T]) -> T:
    """Run a blocking call in a thread that nobody waits for at the end: a disk that hangs can't be told to stop."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if answer.cancelled():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def work() -> None:
        result, problem = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 it is raised where it is waited for
            problem = error
        # It may come too late, when nobody listens any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, result, problem)

    threading.Thread(target=work, name="doctor", daemon=True).start()
    return await answer


async def _all_of(process: asyncio.subprocess.Process) -> str:
    """What it writes, up to a length that no answer has."""
    assert process.stdout is not None  # noqa: S101 it was asked for
    try:
        return (await process.stdout.readexactly(MOST_BYTES)).decode(errors="replace")
    except asyncio.IncompleteReadError as all_of_it:
        return all_of_it.partial.decode(errors="replace")


def problem_of(code: int, text: str) -> str | None:
    """What an exit code and what was said before it amount to; None for success. Pure."""
    if code == 0:
        return None
    if code < 0:
        return "it was killed, which the kernel does where memory is short" if code == -signal.SIGKILL else _by(-code)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error while loading" in line or "FATAL" in line]
    return (telling or lines or [f"exit code {code}"])[-1]


def _by(number: int) -> str:
    try:
        return f"it ended by {signal.Signals(number).name}"
    except ValueError:
        return f"it ended by signal {number}"
