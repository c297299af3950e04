"""What is read of a cgroup v2, and where one is made: on folders that look like it. v1 is tried for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cgroup import LEAF, Cgroup, parent_of
from memory.cgroups import MemoryCgroup

FILES = {
    "memory.peak": "335544320\n",
    "memory.current": "314572800\n",
    "memory.stat": "anon 200\ninactive_file 104857600\nactive_file 7\n",
    "memory.events": "low 0\nhigh 0\nmax 41\noom 3\noom_kill 2\n",
    "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
    "cgroup.procs": "12\n34\n",
}


@pytest.fixture
def group(tmp_path: Path) -> Cgroup:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return Cgroup(tmp_path, 2, tmp_path)


def folder(path: Path, control: str) -> MemoryCgroup:
    path.mkdir(exist_ok=True, parents=True)
    (path / "cgroup.subtree_control").write_text(control)
    (path / "cgroup.procs").write_text("")
    return MemoryCgroup(path, 2)


def test_the_files_of_v2_are_understood(group: Cgroup) -> None:
    assert (group.peak_bytes, group.used_bytes) == (320 << 20, 200 << 20)
    assert (group.limit_hits, group.oom_kills) == (41, 2)
    assert group.cpu_seconds == 1.5
    assert group.pids == [12, 34]


def test_an_old_kernel_knows_no_peak_and_none_is_made_up(group: Cgroup) -> None:
    (group.path / "memory.peak").unlink()
    assert group.peak_bytes is None


def test_a_command_joins_the_group_and_its_twin_before_it_runs(tmp_path: Path) -> None:
    memory, cpu = tmp_path / "memory", tmp_path / "cpu"
    joined = Cgroup(memory, 1, cpu).within(["true", "a b"])
    assert joined[-5:] == [f"{memory}/cgroup.procs", f"{cpu}/cgroup.procs", "--", "true", "a b"]
    assert Cgroup(memory, 2, memory).within(["true"]).count(f"{memory}/cgroup.procs") == 1


def test_a_group_is_made_below_the_nearest_that_hands_memory_on(tmp_path: Path) -> None:
    root = folder(tmp_path, "cpu memory pids\n")
    middle = folder(tmp_path / "slice", "memory pids\n")
    own = folder(tmp_path / "slice" / "session", "")
    assert parent_of([own, middle, root]) == middle.path
    assert not (own.path / LEAF).exists()


def test_where_nobody_hands_memory_on_we_move_into_a_leaf_and_do_it_ourselves(tmp_path: Path) -> None:
    own = folder(tmp_path, "")
    (own.path / "cgroup.procs").write_text("7\n")
    (own.path / LEAF).mkdir()
    assert parent_of([own]) == own.path
    assert (own.path / LEAF / "cgroup.procs").read_text() == "7"
    assert (own.path / "cgroup.subtree_control").read_text() == "+memory"


def test_v1_makes_it_below_our_own(tmp_path: Path) -> None:
    own, above = MemoryCgroup(tmp_path / "own", 1), MemoryCgroup(tmp_path, 1)
    assert parent_of([own, above]) == tmp_path / "own"
