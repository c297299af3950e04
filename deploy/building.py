"""Takes the steps of a Dockerfile in a root of debootstrap: what an image would be, without an engine. As root."""  # noqa: INP001 programs, no package

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.dockerfile import Config, NotUnderstood, Stage, Step, is_ignored

DEBIAN = "http://deb.debian.org/debian"
INCLUDED = "ca-certificates,python3,python3-venv"
NOT_IN_SLIM = ("doc", "info", "lintian", "locale", "man")
"""Folders of /usr/share that the slim images of Debian leave out as well."""
NETWORK = ("/etc/resolv.conf", "/etc/hosts")

RUN = """
mount --make-rprivate /
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
while [ "$1" != -- ]; do mount --bind "$1" "$ROOT$1"; shift; done
shift
exec chroot "$ROOT" env -i "$@"
"""
"""Runs a step. Its arguments: what to bind, "--", variables, and a command."""


def build(
    stages: Sequence[Stage],
    context: Path,
    target: Path,
    *,
    base: Path | None,
    bound: Sequence[str],
    variables: Mapping[str, str],
) -> None:
    """Make `target` the root of the last of `stages`, of the files in `context`.

    `base` stands for the image that they begin with; a new one is made where it is None. `bound` are files and
    folders of this machine that are seen while it is built, such as an index of packages; `variables` hold then only.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-image-", dir=target.parent) as work:
        begin = Path(work) / "base"
        if base is None:
            _command(
                "debootstrap", "--variant=minbase", f"--include={INCLUDED}", _suite(stages[0].base), begin, DEBIAN
            )
        else:
            _command("cp", "-a", base, begin)
        _make_slim(begin, _suite(stages[0].base))
        roots: dict[str, Path] = {}
        root = begin
        for number, stage in enumerate(stages):
            root = Path(work) / f"stage-{number}"
            _command("cp", "-a", roots.get(stage.base, begin), root)
            _take_steps(stage, root, context, roots, bound, variables)
            roots[stage.name or str(number)] = root
        root.rename(target)


def _take_steps(  # noqa: PLR0917 what a step may need
    stage: Stage,
    root: Path,
    context: Path,
    roots: Mapping[str, Path],
    bound: Sequence[str],
    variables: Mapping[str, str],
) -> None:
    config = Config()
    for step in stage.steps:
        config.take(step)
        match step.name:
            case "COPY":
                _copy(step, root, config, context, roots)
            case "RUN":
                with _places(root, (*NETWORK, *bound)) as places:
                    _run(step, root, config, places, variables)
            case "WORKDIR":
                (root / config.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "VOLUME":
                for volume in config.volumes:
                    (root / volume.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case _:
                pass


def _run(step: Step, root: Path, config: Config, places: Sequence[str], variables: Mapping[str, str]) -> None:
    values = {"HOME": "/root"} | config.environment | dict(variables)
    given = [f"{name}={value}" for name, value in values.items()]
    inner = ["/bin/sh", "-c", f'cd "$0" && {step.rest}', config.folder]
    words = [*places, "--", *given, *inner]
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "env", f"ROOT={root}", "sh", "-euc", RUN, "run"]
    _command(*apart, *words)


def _copy(step: Step, root: Path, config: Config, context: Path, roots: Mapping[str, Path]) -> None:
    *sources, to = step.words
    target = root / config.folder.lstrip("/") / to if not to.startswith("/") else root / to.lstrip("/")
    if "from" in step.flags:
        place, rules = roots[step.flags["from"]], ""
    else:
        place, rules = context, (context / ".dockerignore").read_text("utf-8")
    for name in sources:
        source = place / name.lstrip("/")
        if is_ignored(name, rules) or not source.exists():
            raise NotUnderstood(f"COPY {name}: not there, or left out by .dockerignore")
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=_left_out(place, rules))
        else:
            end = target / source.name if to.endswith("/") else target
            end.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, end)


def _left_out(place: Path, rules: str) -> shutil._IgnorePatterns | None:  # type: ignore[name-defined]
    if not rules:
        return None

    def ignored(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if is_ignored(str((Path(folder) / name).relative_to(place)), rules)}

    return ignored


@contextmanager
def _places(root: Path, paths: Sequence[str]) -> Iterator[list[str]]:
    """Something to bind each of `paths` over; what was made for it is removed again."""
    made: list[Path] = []
    try:
        for path in paths:
            place = root / path.lstrip("/")
            missing = [one for one in (place, *place.parents) if not one.exists()]
            for folder in reversed(missing[1:]):
                folder.mkdir()
            if missing:
                place.mkdir() if Path(path).is_dir() else place.touch()
            made = [*missing, *made]
        yield list(paths)
    finally:
        for place in made:
            place.rmdir() if place.is_dir() else place.unlink(missing_ok=True)


def _make_slim(root: Path, suite: str) -> None:
    """What Debian's slim images are: all sources, and no documentation; also of what is installed later."""
    (root / "etc/apt/sources.list").write_text(
        f"deb {DEBIAN} {suite} main\ndeb {DEBIAN} {suite}-updates main\ndeb {DEBIAN}-security {suite}-security main\n"
    )
    rules = [f"path-exclude /usr/share/{name}/*\n" for name in NOT_IN_SLIM]
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text("".join(rules))
    for name in NOT_IN_SLIM:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    for name in ("var/lib/apt/lists", "var/cache/apt/archives"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name / "partial").mkdir(parents=True)
    # Debian's packages of Python bring man pages as links into folders that are gone now.
    (root / "usr/share/man/man1").mkdir(parents=True)


def _suite(image: str) -> str:
    """The release of Debian that an image such as python:3.13-slim-bookworm is made of."""
    found = re.search(r"-slim-([a-z]+)(@|$)", image)
    if found is None:
        raise NotUnderstood(f"{image}: no slim image of Debian")
    return found[1]


def _command(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL)  # noqa: S603 our own words
