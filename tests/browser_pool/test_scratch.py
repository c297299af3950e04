"""Scratch folders: what a killed run has left is swept, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from browser_pool.scratch import Scratch, started_for, sweep


@pytest.mark.processes
def test_the_folder_of_a_process_that_was_killed_is_swept_by_the_next(tmp_path: Path) -> None:
    code = f"import pathlib, browser_pool.scratch as s; s.Scratch.make(pathlib.Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 our own code
    [orphan] = tmp_path.iterdir()
    (orphan / "profile").mkdir()
    ours = Scratch.make(tmp_path)
    assert list(tmp_path.iterdir()) == [ours.path]
    ours.remove()
    ours.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_process_that_lives_is_kept(tmp_path: Path) -> None:
    first = Scratch.make(tmp_path)
    second = Scratch.make(tmp_path)
    assert {*tmp_path.iterdir()} == {first.path, second.path}
    first.remove()
    second.remove()


def test_a_pid_that_is_somebody_elses_today_protects_nothing(tmp_path: Path) -> None:
    (tmp_path / f"tidegate-{os.getpid()}-abc").mkdir()
    assert [folder.name for folder in sweep(tmp_path)] == [f"tidegate-{os.getpid()}-abc"]


@pytest.mark.processes
def test_what_still_runs_for_a_folder_whose_owner_is_gone_is_ended_with_it(tmp_path: Path) -> None:
    folder = tmp_path / f"tidegate-{os.getpid()}-abc"
    folder.mkdir()
    left = subprocess.Popen(["/bin/sleep", "600"], env={"TMPDIR": str(folder)})
    other = subprocess.Popen(["/bin/sleep", "600"], env={"TMPDIR": str(tmp_path)})
    try:
        left.send_signal(signal.SIGSTOP)
        assert [process.pid for process in started_for(folder)] == [left.pid]
        assert sweep(tmp_path) == [folder]
        assert left.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        left.kill()
        other.kill()
        left.wait()
        other.wait()


def test_several_that_sweep_at_once_get_along(tmp_path: Path) -> None:
    def come_and_go(_: int) -> None:
        for _ in range(10):
            Scratch.make(tmp_path).remove()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(come_and_go, range(4)))
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "precious"
    kept.mkdir()
    (tmp_path / "tidegate-1-link").symlink_to(kept)
    (tmp_path / "tidegate-notes").mkdir()
    (tmp_path / "tidegate-1-file").write_text("")
    before = sorted(tmp_path.iterdir())
    assert sweep(tmp_path) == []
    assert sorted(tmp_path.iterdir()) == before
