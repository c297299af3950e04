"""Commands and blocking calls, none of which can keep the doctor waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tidegate.doctor.asking import Said, aside, problem_of, run

MakeProgram = Callable[[str], Path]
AMPLE_SECONDS = 30.0


@pytest.mark.processes
async def test_what_a_command_says_on_either_stream_is_heard(program: MakeProgram) -> None:
    said = await run((program("echo one; echo two >&2"),), AMPLE_SECONDS)
    assert (said.text.split(), said.problem) == (["one", "two"], None)


@pytest.mark.processes
async def test_one_that_does_not_end_is_ended_with_all_that_it_has_started(
    program: MakeProgram, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    hangs = program(f"sleep 600 & echo $! > {pids}; echo $$ >> {pids}; wait")
    said = await run((hangs,), 1.0)
    assert said == Said("", "no answer in 1 s")
    started = [int(pid) for pid in pids.read_text(encoding="ascii").split()]
    assert len(started) == 2
    assert not [pid for pid in started if is_at_work(pid)]


def is_at_work(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.processes
async def test_one_that_never_stops_talking_is_ended_as_well(program: MakeProgram) -> None:
    said = await run((program("exec yes"),), 1.0)
    assert said.problem == "no answer in 1 s"


@pytest.mark.processes
async def test_one_that_is_not_there_or_can_not_be_run_is_said(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program", encoding="ascii")
    text.chmod(0o755)
    assert (await run((tmp_path / "nothing",), AMPLE_SECONDS)).problem == "No such file or directory"
    assert (await run((text,), AMPLE_SECONDS)).problem == "Exec format error"


@pytest.mark.parametrize(
    ("code", "text", "says"),
    (
        (0, "all kinds of words", None),
        (1, "", "exit code 1"),
        (1, "first\nlast\n\n", "last"),
        (127, "x: error while loading shared libraries: libnss3.so\nlast", "libnss3.so"),
        (1, "[1:1:FATAL:a.cc] boom\nlast", "boom"),
        (-9, "", "where memory is short"),
        (-11, "", "SIGSEGV"),
        (-40, "", "signal 40"),
    ),
)
def test_what_went_wrong_is_told_by_exit_code_and_words(code: int, text: str, says: str | None) -> None:
    problem = problem_of(code, text)
    assert problem is None if says is None else says in str(problem)


async def test_what_a_blocking_call_returns_or_raises_comes_back() -> None:
    assert await aside(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)


async def test_a_blocking_call_that_hangs_is_left_behind() -> None:
    let_go = threading.Event()
    waiting = asyncio.create_task(aside(let_go.wait))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await waiting
    [thread] = [one for one in threading.enumerate() if one.name == "doctor"]
    assert thread.daemon, "Python does not wait for it at its end"
    let_go.set()
    await asyncio.to_thread(thread.join)
