from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from bench import environments
from bench.environments import NoEnvironment
from bench.roster import ROSTER


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of environments of our own, in which nothing is installed."""
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    return tmp_path


def made(folder: Path, name: str) -> Path:
    """An environment that looks made, with the interpreter that runs this test."""
    python = folder / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    wanted = environments.stamp_of(environments.requirements_of(name))
    (folder / name / environments.STAMP).write_text(wanted)
    return python


@pytest.mark.parametrize("name", sorted({entrant.environment_of for entrant in ROSTER if entrant.environment_of}))
def test_every_peer_has_a_group_with_bounds_and_packages_to_tell_of(name: str) -> None:
    assert all("<" in requirement for requirement in environments.requirements_of(name))
    assert "playwright" in environments.PACKAGES[name]


def test_an_unknown_peer_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        environments.python_of("nobody")


def test_an_environment_that_is_made_is_found_and_not_made_again(folder: Path) -> None:
    python = made(folder, "crawlee")
    assert environments.python_of("crawlee") == python


def test_an_environment_is_made_anew_when_its_group_has_changed(tmp_path: Path) -> None:
    made(tmp_path, "crawlee")
    assert not environments.is_made(tmp_path / "crawlee", environments.stamp_of(["crawlee>=99"]))


def test_an_environment_without_its_stamp_was_not_made_to_the_end(tmp_path: Path) -> None:
    made(tmp_path, "crawlee")
    wanted = (tmp_path / "crawlee" / environments.STAMP).read_text()
    assert environments.is_made(tmp_path / "crawlee", wanted)
    (tmp_path / "crawlee" / environments.STAMP).unlink()
    assert not environments.is_made(tmp_path / "crawlee", wanted)


def test_the_order_of_a_group_does_not_matter() -> None:
    assert environments.stamp_of(["a", "b"]) == environments.stamp_of(["b", "a"])


def test_what_failed_is_said_with_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no matching distribution\n")

    monkeypatch.setattr(venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(subprocess, "run", fails)
    monkeypatch.setattr(environments, "ROOT", folder.parent)
    (folder.parent / "pyproject.toml").write_text('[dependency-groups]\nbench-crawlee = ["crawlee<2"]\n')
    with pytest.raises(NoEnvironment) as raised:
        environments.python_of("crawlee")
    said = str(raised.value)
    assert "no matching distribution" in said
    assert "pip install --group bench-crawlee" in said
    assert not (folder / "crawlee" / environments.STAMP).exists()


@pytest.mark.processes
def test_the_versions_are_those_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(folder, "crawlee")
    monkeypatch.setattr(environments, "PACKAGES", {"crawlee": ("pytest",)})
    assert environments.versions_of("crawlee") == {"pytest": pytest.__version__}
