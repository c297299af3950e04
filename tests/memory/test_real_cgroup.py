"""A real memory cgroup: a process in it looks at itself while the test makes memory scarce."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from memory.cgroups import memory_cgroups

pytestmark = pytest.mark.processes

MIB = 1 << 20
LIMIT_MB = 256

SUBJECT = """
import asyncio, dataclasses, json, os, subprocess, sys

open(sys.argv[1], "w").write(str(os.getpid()))

import structlog
from memory import Level, MemoryGuard, MemoryMonitor, Rung, Step, WatchPolicy

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

MIB = 1 << 20
HOLD = "import sys; held = bytearray(b'x') * (int(sys.argv[1]) << 20); print('held', flush=True); sys.stdin.read()"
holder = None


def hold(mb):
    global holder
    holder = subprocess.Popen([sys.executable, "-c", HOLD, mb], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return {"said": holder.stdout.readline().decode().strip(), "exit": holder.poll()}


READ = (
    "import sys\\n"
    "while True:\\n"
    "    with open(sys.argv[1], 'rb') as file:\\n"
    "        while file.read(1 << 20): pass\\n"
    "    print('read', flush=True)\\n"
)
reader = None


def read(path):
    # Over and over; it was read three times when this returns.
    global reader
    reader = subprocess.Popen([sys.executable, "-c", READ, path], stdout=subprocess.PIPE)
    for _ in range(3):
        reader.stdout.readline()
    return {}


def drop():
    holder.kill()
    holder.wait()
    return {}


async def relieve():
    drop()
    return "ended the holder"


def look(reading):
    return {"limit": reading.limit_bytes, "used": reading.used_bytes, "level": reading.level.name.lower(),
            "oom_kills": reading.oom_kills, "bound": reading.binding.kind, "unknowns": reading.unknowns}


def files(reading):
    bound = reading.binding
    return {"used": bound.used_bytes, "files": bound.files_bytes, "needed": bound.needed_files_bytes,
            "oom_kills": reading.oom_kills}


def reserve(guard, mb, times):
    reading = guard.monitor.check_memory()
    room = guard.budget.decide(reading, 0, "tasks").available_bytes

    async def ask():
        await asyncio.sleep(0)
        return guard.budget.reserve(guard.monitor.check_memory(), mb * MIB, owner="one", component="tasks")[0]

    async def all_at_once():
        granted = [one for one in await asyncio.gather(*(ask() for _ in range(times))) if one]
        promised = guard.budget.unused_bytes
        for one in granted:
            guard.budget.release(one)
        return {"granted": len(granted), "promised": promised, "room": room}

    return all_at_once()


async def main():
    monitor = MemoryMonitor(watch=WatchPolicy(look_every_seconds=0.01))
    async with MemoryGuard(monitor) as guard:
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := (await lines.readline()).decode().split():
            match line:
                case ["look"]: answer = look(monitor.check_memory())
                case ["hold", mb]: answer = await asyncio.to_thread(hold, mb)
                case ["drop"]: answer = drop()
                case ["read", path]: answer = await asyncio.to_thread(read, path)
                case ["needed"]:
                    await monitor.wait_for(lambda reading: bool(reading.binding.needed_files_bytes), 30)
                    answer = files(monitor.check_memory())
                case ["files"]: answer = files(monitor.check_memory())
                case ["unread"]:
                    reader.kill()
                    reader.wait()
                    answer = {}
                case ["fall", level]:
                    fell = await monitor.wait_for(lambda reading: reading.level <= Level[level.upper()], 20)
                    answer = {"fell": fell, **look(monitor.check_memory())}
                case ["register"]:
                    guard.register(Step("end the holder", Rung.CACHES, relieve))
                    answer = {}
                case ["cleanup"]:
                    report = await monitor.emergency_cleanup("the test asked")
                    answer = dataclasses.asdict(report) | {"freed": report.freed_bytes}
                case ["reports"]:
                    answer = {"reasons": [one.reason for one in monitor.ladder.reports],
                              "freed": [one.freed_bytes for one in monitor.ladder.reports]}
                case ["reserve", mb, times]: answer = await reserve(guard, int(mb), int(times))
                case ["tree"]:
                    answer = {row.role.value: row.held_bytes for row in await monitor.process_tree()}
            print(json.dumps(answer), flush=True)

asyncio.run(main())
"""


class Box:
    """A memory cgroup of our own."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder = folder
        self.version = version

    def limit(self, mb: int) -> None:
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
        (self.folder / name).write_text(str(mb * MIB))


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    found = memory_cgroups()
    if os.geteuid() != 0 or not found:
        pytest.skip("needs root and a memory cgroup")
    own = found[0]
    # In v2 a cgroup with processes in it has no children with controllers: there the root of the mount has to do.
    base = own.path if own.version == 1 else found[-1].path
    folder = base / f"tidegate-test-{os.getpid()}"
    try:
        if own.version == 2:
            (base / "cgroup.subtree_control").write_text("+memory")
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    box = Box(folder, own.version)
    box.limit(LIMIT_MB)
    if box.version == 2:
        (folder / "memory.swap.max").write_text("0")
    yield box
    for _ in range(100):
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{folder} is still in use")


class Subject:
    """The process in the box. `ask` sends it a line and gives its answer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, line: str) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{line}\n".encode())
        async with asyncio.timeout(60):
            return json.loads(await stdout.readline())


@pytest.fixture
async def subject(box: Box) -> AsyncIterator[Subject]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(SUBJECT),
        str(box.folder / "cgroup.procs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    yield Subject(process)
    with _still_there():
        process.kill()
    await process.wait()


def _still_there() -> contextlib.AbstractContextManager[None]:
    return contextlib.suppress(ProcessLookupError)


async def test_a_child_that_allocates_drives_the_level_up_and_its_end_brings_it_down(subject: Subject) -> None:
    calm = await subject.ask("look")
    assert (calm["limit"], calm["level"]) == (LIMIT_MB * MIB, "normal")
    levels = []
    for share in (0.5, 0.80, 0.89, 0.96):
        # The child itself is a Python of some megabytes.
        mb = int(share * LIMIT_MB - calm["used"] / MIB) - 6
        assert (await subject.ask(f"hold {mb}"))["said"] == "held"
        levels.append((await subject.ask("look"))["level"])
        await subject.ask("drop")
        assert (await subject.ask("fall normal"))["fell"]
    assert levels == ["normal", "elevated", "critical", "emergency"]


async def test_what_is_used_grows_by_what_a_child_takes_and_the_tree_says_who_has_it(subject: Subject) -> None:
    before = await subject.ask("look")
    await subject.ask("hold 64")
    after = await subject.ask("look")
    assert 60 * MIB < after["used"] - before["used"] < 90 * MIB
    assert (await subject.ask("tree"))["python"] > 60 * MIB
    await subject.ask("drop")


async def test_the_ladder_frees_what_it_says(subject: Subject) -> None:
    await subject.ask("hold 60")
    before = await subject.ask("look")
    await subject.ask("register")
    # The second holder is the one that the step ends. There is room for both, so that nobody else starts the ladder.
    await subject.ask("hold 70")
    full = await subject.ask("look")
    report = await subject.ask("cleanup")
    after = await subject.ask("look")
    freed = {step["name"]: step["before_bytes"] - step["after_bytes"] for step in report["steps"]}
    assert 65 * MIB < freed["end the holder"] < 90 * MIB
    assert abs(full["used"] - after["used"] - freed["end the holder"]) < 8 * MIB
    assert abs(after["used"] - before["used"]) < 8 * MIB
    assert report["freed"] == sum(max(0, one) for one in freed.values())


async def test_a_limit_that_is_lowered_while_running_is_noticed_at_the_next_look(subject: Subject, box: Box) -> None:
    await subject.ask("hold 100")
    before = await subject.ask("look")
    assert before["level"] == "normal"
    room = (await subject.ask("reserve 1 1000"))["granted"]
    lowered = int(before["used"] / 0.8) // MIB
    box.limit(lowered)
    seen = await subject.ask("look")
    assert (seen["limit"], seen["level"]) == (lowered * MIB, "elevated")
    assert (await subject.ask("reserve 1 1000"))["granted"] < room - 50
    box.limit(LIMIT_MB)
    assert (await subject.ask("fall normal"))["fell"]


async def test_a_thousand_that_ask_at_once_are_never_promised_more_than_there_is(subject: Subject) -> None:
    answer = await subject.ask("reserve 1 1000")
    assert 0 < answer["granted"] < 1000
    # What the thousand tasks themselves take while they ask has arrived: it is used now, and not promised any more.
    assert 0 <= answer["granted"] * MIB - answer["promised"] < 8 * MIB
    assert answer["room"] - 8 * MIB < answer["promised"] <= answer["room"]


async def test_a_kill_by_the_kernel_is_an_emergency_and_starts_the_ladder(subject: Subject) -> None:
    before = (await subject.ask("look"))["oom_kills"]
    gone = await subject.ask("hold 400")
    assert gone["said"] == ""
    seen = await subject.ask("look")
    assert seen["oom_kills"] > before
    assert (await subject.ask("fall normal"))["fell"]
    reasons = (await subject.ask("reports"))["reasons"]
    assert any("killed" in reason for reason in reasons), reasons


async def test_file_pages_in_use_count_only_once_the_kernel_has_to_read_them_again(
    subject: Subject, tmp_path: Path
) -> None:
    file = tmp_path / "program"
    file.write_bytes(os.urandom(MIB) * 120)
    with file.open("rb") as written:
        # Pages that somebody else has read count against him: from here on they are read in there.
        os.fsync(written.fileno())
        os.posix_fadvise(written.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    await subject.ask(f"read {file}")
    roomy = await subject.ask("files")
    if roomy["files"] is None:
        pytest.skip("this kernel does not count the file pages that it reads again")
    try:
        if roomy["files"] < 60 * MIB:
            pytest.skip("the temporary folder is in memory, or its file pages are not kept")
        assert roomy["needed"] == 0
        assert roomy["used"] < 100 * MIB
        # The rest is taken: now half of the file can't stay, and is read anew each time.
        await subject.ask(f"hold {int(LIMIT_MB - roomy['used'] / MIB) - 60}")
        tight = await subject.ask("needed")
        assert tight["needed"] > 0
        assert tight["oom_kills"] == 0
    finally:
        await subject.ask("unread")
