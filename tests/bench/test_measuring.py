"""Runs of entrants that do what entrants do: read, lie, give up, die, hang, leave something behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from bench import measuring
from bench.cgroup import NoCgroup, memory_cgroup
from bench.measuring import Plan, Run, measure
from bench.roster import Entrant
from bench.workloads import by_name
from tests.bench.truth import record_of
from tidegate.demo import DemoSite

pytestmark = [pytest.mark.processes, pytest.mark.slow]

PLAN = Plan("scripted", "light", None, 0, 4, 60.0)

TRUTH = """
import json, os, signal, subprocess, sys, time
from bench.task import given
task, telling = given()
def right(index):
    said = json.loads(os.environ["TRUTH"])[index]
    telling.tell(task.addresses[index], [said])
"""


@dataclass(frozen=True, slots=True)
class Scripted(Entrant):
    """An entrant that is a few lines of Python. It is told what is true."""

    script: str = ""
    truth: str = "[]"

    def command(self, task: Path) -> list[str]:
        return [sys.executable, "-c", TRUTH + self.script, str(task)]

    def environment(self, scratch: Path) -> dict[str, str]:
        return {**Entrant.environment(self, scratch), "TRUTH": self.truth}


@contextmanager
def has_cgroup() -> Iterator[None]:
    try:
        with memory_cgroup(None):
            pass
    except NoCgroup as error:
        pytest.skip(str(error))
    yield


async def run(site: DemoSite, script: str, plan: Plan = PLAN) -> Run:
    workload = by_name("light")
    posts = [record_of(site, place) for place in range(plan.pages)]
    entrant = Scripted("scripted", "scripted", "none", script=script, truth=json.dumps(posts))
    return await measure(plan, entrant, workload, site)


async def test_what_is_right_wrong_given_up_and_never_told_is_told_apart(bench_site: DemoSite) -> None:
    found = await run(
        bench_site,
        "right(0); telling.tell(task.addresses[1], [{'id': 'another'}]); telling.tell(task.addresses[2], None)\n"
        "print('noise', flush=True); print('last words', file=sys.stderr)",
    )
    assert (found.completed, found.wrong, found.lost, found.unfinished) == (1, 1, 2, 0)
    assert found.ended == "exit 0"
    assert found.first_page_seconds is not None
    assert "noise" in found.last_words
    assert "last words" in found.last_words


def test_last_words_are_without_tracebacks_and_paths() -> None:
    root = measuring._ROOT
    said = (
        f'Traceback\n  File "{root}/bench/a.py", line 1\n    boom()\n    ^^^^\n{root}/b.py: gone\n\nError: it died\n'
    )
    assert measuring.last_words(said) == "b.py: gone\nError: it died"
    assert measuring.last_words("") == ""


async def test_all_right_leaves_nothing_to_say(bench_site: DemoSite) -> None:
    found = await run(bench_site, "print('chatter')\nfor index in range(4): right(index)")
    assert (found.completed, found.lost, found.last_words, found.left_processes) == (4, 0, "", 0)
    assert found.pages_per_second > 0


async def test_pages_of_one_that_dies_are_lost(bench_site: DemoSite) -> None:
    found = await run(bench_site, "right(0); os.kill(os.getpid(), signal.SIGKILL)")
    assert (found.completed, found.lost, found.unfinished, found.ended) == (1, 3, 0, "signal 9")


async def test_one_that_hangs_is_stopped_and_its_pages_are_unfinished(bench_site: DemoSite) -> None:
    found = await run(bench_site, "right(0); time.sleep(600)", replace(PLAN, most_seconds=10.0))
    assert (found.completed, found.lost, found.unfinished, found.ended) == (1, 0, 3, "stopped")


async def test_one_that_says_nothing_for_long_is_taken_to_hang(
    bench_site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "SILENT_SECONDS", 10.0)
    found = await run(bench_site, "right(0); time.sleep(600)")
    assert (found.completed, found.lost, found.unfinished, found.ended) == (1, 0, 3, "stopped")


async def test_what_outlives_its_entrant_is_counted_and_ended(
    bench_site: DemoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "END_SECONDS", 1.0)
    note = tmp_path / "pid"
    found = await run(
        bench_site,
        "for index in range(4): right(index)\n"
        "quiet = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], **quiet)\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "os.close(telling._line); os.close(1); os.close(2); time.sleep(600)",
    )
    assert found.left_processes == 2
    assert not _runs(int(note.read_text()))


def _runs(pid: int) -> bool:
    """A zombie that nobody has waited for runs no more."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_the_kernel_counts_what_happens_in_the_group(bench_site: DemoSite) -> None:
    with has_cgroup():
        hold = "import time; held = bytearray(b'x') * (300 << 20)"
        found = await run(
            bench_site,
            f"right(0); child = subprocess.run([sys.executable, '-c', {hold!r}]); assert child.returncode == -9\n"
            "deadline = time.process_time() + 0.5\nwhile time.process_time() < deadline: pass\nright(1)",
            replace(PLAN, limit_mib=128, pages=2),
        )
    assert (found.completed, found.oom_kills) == (2, 1)
    assert found.peak_bytes is not None
    assert 100 << 20 < found.peak_bytes <= 128 << 20
    assert found.limit_hits is not None
    assert found.limit_hits > 0
    assert found.cpu_seconds is not None
    assert found.cpu_seconds >= 0.5


async def test_without_a_group_less_is_known_and_nothing_is_made_up(
    bench_site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int | None) -> AbstractContextManager[None]:
        raise NoCgroup("none here")

    monkeypatch.setattr(measuring, "memory_cgroup", refuse)
    found = await run(bench_site, "for index in range(4): right(index)")
    assert found.completed == 4
    assert (found.peak_bytes, found.used_peak_bytes, found.limit_hits, found.oom_kills) == (None, None, None, None)
    assert (found.cpu_seconds, found.left_processes) == (None, None)
    with pytest.raises(NoCgroup):
        await run(bench_site, "", replace(PLAN, limit_mib=128))


def test_a_group_is_gone_afterwards_with_all_that_ran_in_it() -> None:
    with has_cgroup(), memory_cgroup(64 << 20) as group:
        command = group.within([sys.executable, "-c", "import time; time.sleep(600)"])
        sleeper = subprocess.Popen(command)  # noqa: S603, our own words
        while sleeper.pid not in group.pids:
            assert sleeper.poll() is None
        path = group.path
    assert sleeper.wait(timeout=10) == -signal.SIGKILL
    assert not path.exists()


async def test_what_has_lost_its_parent_is_ended_without_a_group_too(
    bench_site: DemoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int | None) -> AbstractContextManager[None]:
        raise NoCgroup("none here")

    monkeypatch.setattr(measuring, "memory_cgroup", refuse)
    note = tmp_path / "pid"
    await run(
        bench_site,
        "quiet = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], **quiet)\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "os.kill(os.getpid(), signal.SIGKILL)",
    )
    assert not _runs(int(note.read_text()))
