"""Recorded systems: a small copy of /proc and /sys, built under a folder of the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from memory import MemorySource, Reading

MIB = 1 << 20
NO_LIMIT_V1 = "9223372036854771712"
HOST = {"proc/meminfo": f"MemTotal: {16 * 1024 * 1024} kB\nMemFree: 1 kB\nMemAvailable: {10 * 1024 * 1024} kB\n"}
HOST_USED = 6 << 30
HOST_LIMIT = 16 << 30

V1_MOUNT = "32 31 0:29 {shown} {at} rw,nosuid - cgroup cgroup rw,memory\n"
V2_MOUNT = "41 31 0:38 {shown} {at} rw,relatime shared:5 - cgroup2 cgroup2 rw\n"
AT = "/sys/fs/cgroup"


def recorded(tmp_path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A system under `tmp_path`, with the host of `HOST` unless `files` says otherwise."""
    for name, text in {**HOST, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def process(cgroup: str, *mounts: str) -> dict[str, str]:
    return {
        "proc/self/cgroup": cgroup,
        "proc/self/mountinfo": "30 1 0:27 / / rw - ext4 /dev/vda rw\n" + "".join(mounts),
    }


def v2(folder: str, *, most: str = "max", high: str = "max", current: int = 0, inactive: int = 0) -> dict[str, str]:
    at = f"sys/fs/cgroup{folder}"
    return {
        f"{at}/memory.max": f"{most}\n",
        f"{at}/memory.high": f"{high}\n",
        f"{at}/memory.current": f"{current}\n",
        f"{at}/memory.stat": f"anon 1\nfile 2\ninactive_anon 3\ninactive_file {inactive}\n",
        f"{at}/memory.events": "low 0\nhigh 4\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n",
    }


def v1(folder: str, *, limit: str = NO_LIMIT_V1, usage: int = 0, inactive: int = 0) -> dict[str, str]:
    at = f"sys/fs/cgroup/memory{folder}"
    return {
        f"{at}/memory.limit_in_bytes": f"{limit}\n",
        f"{at}/memory.usage_in_bytes": f"{usage}\n",
        f"{at}/memory.stat": f"inactive_file 1\ntotal_inactive_file {inactive}\n",
        f"{at}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    }


def look(root: Path, cap_bytes: int | None = None) -> Reading:
    return MemorySource(cap_bytes=cap_bytes, root=root).read()


def sizes(reading: Reading) -> list[tuple[str, int, int]]:
    return [(bound.kind, bound.limit_bytes, bound.used_bytes) for bound in reading.bounds]
