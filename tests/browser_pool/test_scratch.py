"""Scratch folders: what a killed run has left is swept, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from browser_pool.scratch import make_scratch, sweep


def test_the_folder_of_a_process_that_was_killed_is_swept_by_the_next(tmp_path: Path) -> None:
    code = f"import pathlib, browser_pool.scratch as s; s.make_scratch(pathlib.Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 our own code
    [orphan] = tmp_path.iterdir()
    (orphan / "profile").mkdir()
    ours = make_scratch(tmp_path)
    assert list(tmp_path.iterdir()) == [ours]


def test_the_folder_of_a_process_that_lives_is_kept(tmp_path: Path) -> None:
    first = make_scratch(tmp_path)
    second = make_scratch(tmp_path)
    assert {*tmp_path.iterdir()} == {first, second}


def test_a_pid_that_is_somebody_elses_today_protects_nothing(tmp_path: Path) -> None:
    (tmp_path / f"tidegate-{os.getpid()}-1-abc").mkdir()
    assert [folder.name for folder in sweep(tmp_path)] == [f"tidegate-{os.getpid()}-1-abc"]


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "precious"
    kept.mkdir()
    (tmp_path / "tidegate-1-1-link").symlink_to(kept)
    (tmp_path / "tidegate-notes").mkdir()
    (tmp_path / "tidegate-1-1-file").write_text("")
    before = sorted(tmp_path.iterdir())
    assert sweep(tmp_path) == []
    assert sorted(tmp_path.iterdir()) == before
