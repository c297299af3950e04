"""Tries a root as a container: what is promised of the image, checked one by one, with the figures."""  # noqa: INP001 programs, no package

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cgroup import memory_cgroup
from deploy.container import Container, running
from deploy.dockerfile import Config
from deploy.reads import READS, follow_and_read, free_address, variables_for

MB = 1_000_000
MIB = 1 << 20
MOST_MB = 700
DEMO_SECONDS = 300.0
GRACE_SECONDS = 40.0
"""What compose.yaml gives before it kills."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is promised: under which limit, whether it holds, and what was seen."""

    limit_mib: int
    name: str
    is_ok: bool
    says: str


def try_image(root: Path, config: Config, limit_bytes: int, *, warm: bool) -> Iterator[Check]:
    """All checks of `root` under a limit.

    Cold is a fresh machine: the files of the image are read from disk, and count against the limit. Warm is one on
    which another container of the image runs: they are in memory already, at somebody else's expense.
    """
    limit = limit_bytes // MIB
    size = size_of(root)
    yield Check(limit, "size", size < MOST_MB * MB, f"{size / MB:.0f} MB")
    for check in (_demo, _service, _reading):
        _cache(root, keep=warm)
        for name, is_ok, says in check(root, config, limit_bytes):
            yield Check(limit, name, is_ok, says)


def in_a_table(checks: list[Check]) -> str:
    """For people."""
    rows = [(f"{one.limit_mib} MiB", one.name, "ok" if one.is_ok else "FAILED", one.says) for one in checks]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join([*(row[n].ljust(widths[n]) for n in range(3)), row[3]]) for row in rows)


def size_of(root: Path) -> int:
    """The bytes of all files, each counted once: what the layers of an image add up to."""
    seen = {}
    for folder, _, names in os.walk(root):
        for name in names:
            facts = (Path(folder) / name).lstat()
            seen[facts.st_ino] = facts.st_size
    return sum(seen.values())


def _demo(root: Path, config: Config, limit_bytes: int) -> Iterator[tuple[str, bool, str]]:
    with (
        memory_cgroup(limit_bytes) as group,
        running(root, config, group, ["demo", "--posts", "60"]) as container,
    ):
        began = time.monotonic()
        code = container.wait(seconds=DEMO_SECONDS)
        seconds = time.monotonic() - began
        said = _read(container.stdout) if code == 0 else f": {container.last_words()}"
        yield "demo", code == 0, f"exit code {code} after {seconds:.1f} s{said}"
        yield from _memory(container, group.oom_kills, "demo")


def _service(root: Path, config: Config, limit_bytes: int) -> Iterator[tuple[str, bool, str]]:
    with memory_cgroup(limit_bytes) as group, running(root, config, group, config.command) as container:
        began = time.monotonic()
        healthy, said = _healthy(container, config)
        yield "healthy", healthy, f"after {time.monotonic() - began:.1f} s: {said}"
        yield "sandbox", *_sandbox(container, group.pids)
        code, seconds = container.stop(grace_seconds=GRACE_SECONDS)
        yield "drain", code == 0, f"exit code {code} after {seconds:.1f} s"
        odd = [line for line in container.stderr if not _is_event(line)]
        yield "logs", not odd, odd[0] if odd else f"{len(container.stderr)} lines, JSON all of them"
        left = [*group.pids, *_left_in(container.folder / "volumes")]
        yield "left over", not left, ", ".join(map(str, left)) or "no process, no scratch folder, no running server"
        yield from _memory(container, group.oom_kills, "serve")


def _reading(root: Path, config: Config, limit_bytes: int) -> Iterator[tuple[str, bool, str]]:
    """The service follows posts of a site that is outside, as it is in earnest."""
    variables = variables_for(root, free_address())
    with (
        memory_cgroup(limit_bytes) as group,
        running(root, config, group, config.command, variables, on_our_network=True) as container,
    ):
        read = asyncio.run(follow_and_read(container, variables))
        yield "reads", read.right == read.rows == READS, read.says
        code, seconds = container.stop(grace_seconds=GRACE_SECONDS)
        yield "reads: drain", code == 0, f"exit code {code} after {seconds:.1f} s"
        yield from _memory(container, group.oom_kills, "reads")


def _healthy(container: Container, config: Config) -> tuple[bool, str]:
    """Ask as HEALTHCHECK says, but every second, until it is well or would be given up."""
    if config.health is None:
        return False, "the image has no HEALTHCHECK"
    until = time.monotonic() + config.health.start_period_seconds
    while True:
        asked = container.execute(config.health.command, seconds=config.health.timeout_seconds)
        if asked.returncode == 0 or time.monotonic() > until or container.wait(seconds=1.0) is not None:
            said = asked.stdout + asked.stderr
            return asked.returncode == 0, "; ".join(said.split("\n")).strip("; ")


def _sandbox(container: Container, pids: list[int]) -> tuple[bool, str]:
    """Whether Chromium's processes are confined: by the namespaces that the kernel says they are in."""
    own = _depth(container.first_pid())
    deeper = sum(_depth(pid) > own for pid in pids)
    return deeper > 0, f"{deeper} of {len(pids)} processes are in namespaces of their own"


def _depth(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next(len(line.split()) for line in status.splitlines() if line.startswith("NSpid:"))


def _memory(container: Container, kills: int, what: str) -> Iterator[tuple[str, bool, str]]:
    yield f"{what}: memory", kills == 0, f"{container.peak_bytes / MIB:.0f} MiB at its fullest, OOM kills: {kills}"


def _left_in(volumes: Path) -> list[str]:
    found = [*volumes.glob("tmp/*"), *volumes.glob("var/lib/tidegate/**/postmaster.pid")]
    return [str(path.relative_to(volumes)) for path in found]


def _is_event(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _read(said: str) -> str:
    """What the demo says of its speed, and of what it has stored beside the truth."""
    lines = re.findall(r"^(?:speed|checked) +(.+?) *$", said, re.MULTILINE)
    return "".join(f"; {line}" for line in lines)


def _cache(root: Path, *, keep: bool) -> None:
    """Have the kernel keep these files in memory, or drop what it keeps of them."""
    # What is not on disk yet can't be dropped.
    os.sync()
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                if keep:
                    while file.read(MIB):
                        pass
                else:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
