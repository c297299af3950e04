"""Environments of the peers: one each below `.bench/`, made when it is asked for, from a dependency group.

A peer's packages never meet those of Tidegate. An environment is made anew when its group has changed, and only then:
its stamp says what it was made from. Nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / ".bench"
INSTALLER: Final = "pip>=25.1"
"""The first that knows dependency groups."""

STAMP: Final = "made-from"
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "crawlee": ("crawlee", "playwright"),
    "scrapy": ("scrapy-playwright", "scrapy", "playwright"),
    "crawl4ai": ("crawl4ai", "playwright"),
}
"""The packages of each environment whose versions are told."""

_SAID_LINES: Final = 12
_TELL_VERSIONS: Final = (
    "import json, sys; from importlib.metadata import version; "
    "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
)


class NoEnvironment(Exception):
    """A peer's environment could not be made; the message says what happened, and what to do."""

    def __init__(self, name: str, happened: str) -> None:
        super().__init__(
            f"No environment for {name}: {happened}\n"
            f"It is made by `pip install --group {group_of(name)}` in {FOLDER.name}/{name}, which needs the network, "
            f"or an index that can be reached (PIP_INDEX_URL). Run this again, or go on without {name}."
        )
        self.name = name


def python_of(name: str) -> Path:
    """The interpreter of the environment of this peer, which is made or renewed where need be.

    Raises `KeyError` where there is no such peer, `NoEnvironment` where its packages can't be had.
    """
    folder = FOLDER / name
    wanted = stamp_of(requirements_of(name))
    if not is_made(folder, wanted):
        _make(name, folder)
        (folder / STAMP).write_text(wanted)
    return _python(folder)


def versions_of(name: str) -> dict[str, str]:
    """The versions of the peer and of Playwright in its environment, which is made if there is none."""
    return dict(json.loads(_run(name, [python_of(name), "-c", _TELL_VERSIONS, *PACKAGES[name]])))


def group_of(name: str) -> str:
    """The dependency group of a peer."""
    return f"bench-{name}"


def requirements_of(name: str) -> tuple[str, ...]:
    """What the dependency group of this peer asks for. Raises `KeyError`."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return tuple(project["dependency-groups"][group_of(name)])


def stamp_of(requirements: Sequence[str]) -> str:
    """What an environment is made from, in one word: its requirements, and the interpreter that made it."""
    made_from = [*sorted(requirements), platform.python_version(), sys.prefix]
    return hashlib.sha256("\n".join(made_from).encode()).hexdigest()


def is_made(folder: Path, wanted: str) -> bool:
    """Whether the environment in `folder` was made to the end, from what is `wanted`."""
    stamp = folder / STAMP
    return _python(folder).exists() and stamp.exists() and stamp.read_text() == wanted


def _make(name: str, folder: Path) -> None:
    print(f"Making the environment of {name} in {folder.relative_to(ROOT)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoEnvironment(name, f"python -m venv failed, {error}.") from error
    install = [str(_python(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(name, [*install, INSTALLER])
    _run(name, [*install, "--group", f"{ROOT / 'pyproject.toml'}:{group_of(name)}"])


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _run(name: str, command: Sequence[str | Path]) -> str:
    # Not in the repository's folder, where its own packages could shadow the peer's.
    done = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER, check=False)  # noqa: S603, our own words
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-_SAID_LINES:])
        raise NoEnvironment(name, f"`{' '.join(map(str, command[1:5]))} ...` ended with {done.returncode}.\n{said}")
    return done.stdout
