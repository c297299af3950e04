"""Readings of recorded systems, each a small copy of /proc and /sys, and of this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from memory import MemorySource
from memory.readings import MemoryCgroup, memory_cgroups
from tests.memory.systems import (
    AT,
    HOST_LIMIT,
    HOST_USED,
    MIB,
    V1_MOUNT,
    V2_MOUNT,
    look,
    process,
    recorded,
    sizes,
    v1,
    v2,
)


def test_a_limit_on_the_parent_binds_where_our_own_cgroup_has_none(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/box/run\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("/box/run", current=100 * MIB)
        | v2("/box", most=str(512 * MIB), current=300 * MIB, inactive=50 * MIB),
    )
    reading = look(root)
    assert reading.binding is not None
    assert reading.binding.where.endswith("/box")
    assert (reading.limit_bytes, reading.used_bytes) == (512 * MIB, 250 * MIB)
    assert reading.available_bytes == 262 * MIB
    assert sizes(reading)[-1] == ("host", HOST_LIMIT, HOST_USED)


def test_the_tighter_of_two_nested_limits_binds_whoever_holds_it(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/box/run\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("/box/run", most=str(400 * MIB), current=100 * MIB)
        | v2("/box", most=str(512 * MIB), current=500 * MIB),
    )
    assert look(root).available_bytes == 12 * MIB


def test_memory_high_is_a_limit_because_beyond_it_the_kernel_throttles(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/box\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("/box", most=str(512 * MIB), high=str(384 * MIB), current=100 * MIB),
    )
    assert look(root).limit_bytes == 384 * MIB


def test_version_1_counts_inactive_file_pages_of_the_whole_hierarchy(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("4:memory:/box/run\n1:cpu:/\n", V1_MOUNT.format(shown="/", at=f"{AT}/memory"))
        | v1("/box/run", usage=80 * MIB)
        | v1("/box", limit=str(256 * MIB), usage=200 * MIB, inactive=60 * MIB)
        | v1(""),
    )
    reading = look(root)
    assert sizes(reading) == [("cgroup v1", 256 * MIB, 140 * MIB), ("host", HOST_LIMIT, HOST_USED)]
    assert reading.oom_kills == 3


def test_the_number_by_which_version_1_says_no_limit_is_no_limit(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("4:memory:/box\n", V1_MOUNT.format(shown="/", at=f"{AT}/memory"))
        | v1("/box", usage=80 * MIB)
        | v1(""),
    )
    assert [bound.kind for bound in look(root).bounds] == ["host"]


def test_with_both_versions_mounted_the_one_that_holds_the_memory_controller_is_read(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process(
            "4:memory:/box\n2:cpu,cpuacct:/box\n0::/elsewhere\n",
            V2_MOUNT.format(shown="/", at=f"{AT}/unified"),
            V1_MOUNT.format(shown="/", at=f"{AT}/memory"),
        )
        | v1("/box", limit=str(300 * MIB), usage=100 * MIB)
        | v1("")
        | {"sys/fs/cgroup/unified/elsewhere/cgroup.procs": "1\n"},
    )
    assert sizes(look(root))[0] == ("cgroup v1", 300 * MIB, 100 * MIB)


def test_a_controller_mounted_together_with_others_is_found(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("4:cpuset,memory:/box\n", f"32 31 0:29 / {AT}/memory rw - cgroup none rw,cpuset,memory\n")
        | v1("/box", limit=str(300 * MIB), usage=100 * MIB),
    )
    assert look(root).limit_bytes == 300 * MIB


def test_in_a_container_with_a_cgroup_namespace_the_mount_point_is_our_own(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(512 * MIB), current=64 * MIB),
    )
    assert sizes(look(root))[0] == ("cgroup v2", 512 * MIB, 64 * MIB)


def test_in_a_container_without_one_the_hosts_path_leads_to_our_own_folder(tmp_path: Path) -> None:
    path = "/docker/4f1a"
    root = recorded(
        tmp_path,
        process(f"4:memory:{path}\n", V1_MOUNT.format(shown=path, at=f"{AT}/memory"))
        | v1("", limit=str(512 * MIB), usage=64 * MIB),
    )
    assert sizes(look(root))[0] == ("cgroup v1", 512 * MIB, 64 * MIB)


def test_a_path_of_the_host_that_is_not_mounted_here_falls_back_to_what_is(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("4:memory:/docker/4f1a\n", V1_MOUNT.format(shown="/", at=f"{AT}/memory"))
        | v1("", limit=str(512 * MIB), usage=64 * MIB),
    )
    assert sizes(look(root))[0] == ("cgroup v1", 512 * MIB, 64 * MIB)


def test_a_folder_of_our_own_below_the_containers_is_read_as_well(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("4:memory:/docker/4f1a/worker\n", V1_MOUNT.format(shown="/docker/4f1a", at=f"{AT}/memory"))
        | v1("/worker", limit=str(100 * MIB), usage=10 * MIB)
        | v1("", limit=str(512 * MIB), usage=64 * MIB),
    )
    assert [bound.limit_bytes for bound in look(root).bounds] == [100 * MIB, 512 * MIB, HOST_LIMIT]


def test_a_process_outside_of_what_is_mounted_goes_by_the_mount_point(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/../..\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(512 * MIB), current=64 * MIB),
    )
    assert look(root).limit_bytes == 512 * MIB


def test_a_mount_point_with_colons_in_the_path_of_the_cgroup_is_read(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/pod:a/run:1\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("/pod:a/run:1", most=str(512 * MIB), current=64 * MIB),
    )
    assert look(root).limit_bytes == 512 * MIB


def test_where_no_cgroup_has_a_limit_the_host_binds(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/box\n", V2_MOUNT.format(shown="/", at=AT)) | v2("/box", current=MIB) | v2("", current=MIB),
    )
    reading = look(root)
    assert sizes(reading) == [("host", HOST_LIMIT, HOST_USED)]
    assert reading.share == HOST_USED / HOST_LIMIT


def test_a_host_tighter_than_its_container_binds(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("", most=str(8 << 30), current=0)
        | {"proc/meminfo": "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\n"},
    )
    reading = look(root)
    assert reading.binding is not None
    assert reading.binding.source == "host"
    assert reading.available_bytes == 1 << 30


def test_a_machine_without_a_memory_controller_has_the_host_only(tmp_path: Path) -> None:
    root = recorded(tmp_path, process("3:cpuset:/box\n1:cpu:/box\n"))
    assert memory_cgroups(root) == ()
    reading = look(root)
    assert sizes(reading) == [("host", HOST_LIMIT, HOST_USED)]
    assert reading.oom_kills is None


def test_a_system_of_which_nothing_can_be_read_has_no_limit_and_no_zero(tmp_path: Path) -> None:
    reading = look(tmp_path)
    assert reading.bounds == ()
    assert (reading.binding, reading.limit_bytes, reading.used_bytes, reading.available_bytes) == (None,) * 4
    assert (reading.share, reading.pressure, reading.oom_kills) == (None, None, None)


@pytest.mark.parametrize("nonsense", ("", "-5", "plenty", "1.5", "0x10", "12 34", "9" * 5000, "\xb2"))
@pytest.mark.parametrize("name", ("memory.max", "memory.current"))
def test_a_file_that_makes_no_sense_is_a_bound_that_is_not_known(tmp_path: Path, name: str, nonsense: str) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(512 * MIB), current=64 * MIB),
    )
    (root / "sys/fs/cgroup" / name).write_text(nonsense, encoding="latin-1")
    assert [bound.kind for bound in look(root).bounds] == ["host"]


@pytest.mark.parametrize("nonsense", ("", "inactive_file", "inactive_file -1", "inactive_file many", "x" * 9000))
def test_an_account_without_a_sensible_inactive_file_counts_all_that_is_used(tmp_path: Path, nonsense: str) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(512 * MIB), current=64 * MIB),
    )
    (root / "sys/fs/cgroup/memory.stat").write_text(nonsense, encoding="ascii")
    assert look(root).used_bytes == 64 * MIB


def test_more_inactive_file_than_there_is_memory_in_use_is_nothing_used_and_not_less(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("", most=str(512 * MIB), current=64 * MIB, inactive=65 * MIB),
    )
    assert look(root).used_bytes == 0


@pytest.mark.parametrize(
    "meminfo",
    (
        "",
        "MemTotal: 0 kB\nMemAvailable: 0 kB\n",
        "MemTotal: many kB\nMemAvailable: 5 kB\n",
        "MemTotal: 1000 kB\n",
        "MemTotal: " + "9" * 5000 + " kB\nMemAvailable: 5 kB\n",
    ),
)
def test_a_host_that_makes_no_sense_is_not_known(tmp_path: Path, meminfo: str) -> None:
    reading = look(recorded(tmp_path, {"proc/meminfo": meminfo}))
    assert reading.bounds == ()
    assert reading.share is None


@pytest.mark.parametrize(
    ("files", "expected"),
    (
        ({"sys/fs/cgroup/memory.pressure": "some avg10=12.50 avg60=1 avg300=0 total=9\nfull avg10=0.00\n"}, 0.125),
        ({"proc/pressure/memory": "some avg10=3.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=9.00\n"}, 0.03),
        (
            {
                "proc/pressure/memory": "some avg10=50.00 avg60=0.00\n",
                "sys/fs/cgroup/memory.pressure": "some avg10=0.00 avg60=0.00\n",
            },
            0.0,
        ),
        ({}, None),
        ({"proc/pressure/memory": "some avg10=a_lot\n"}, None),
        ({"proc/pressure/memory": "full avg10=9.00\n"}, None),
    ),
)
def test_pressure_is_our_own_cgroups_else_the_hosts_else_unknown(
    tmp_path: Path, files: dict[str, str], expected: float | None
) -> None:
    root = recorded(tmp_path, process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("") | files)
    assert look(root).pressure == expected


def test_kills_by_the_kernel_are_those_of_our_own_cgroup(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/box\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("/box")
        | v2("")
        | {"sys/fs/cgroup/memory.events": "oom_kill 99\n"},
    )
    assert look(root).oom_kills == 1


def test_a_users_cap_counts_what_this_program_has_taken_since_it_started(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(4 << 30), current=1 << 30),
    )
    source = MemorySource(cap_bytes=600 * MIB, root=root)
    first = source.read()
    assert first.binding is not None
    assert first.binding.source == "cap set by the user"
    held_at_start = first.binding.used_bytes
    assert 0 < held_at_start < 600 * MIB
    (root / "sys/fs/cgroup/memory.current").write_text(str((1 << 30) + 100 * MIB), encoding="ascii")
    assert source.read().used_bytes == held_at_start + 100 * MIB


def test_a_cap_wider_than_the_container_does_not_lift_the_containers_limit(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(256 * MIB), current=250 * MIB),
    )
    assert look(root, cap_bytes=8 << 30).limit_bytes == 256 * MIB


def test_a_limit_that_is_changed_while_we_run_is_seen_by_the_next_look(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(512 * MIB), current=64 * MIB),
    )
    source = MemorySource(root=root)
    assert source.read().limit_bytes == 512 * MIB
    (root / "sys/fs/cgroup/memory.max").write_text(f"{256 * MIB}\n", encoding="ascii")
    assert source.read().limit_bytes == 256 * MIB


def test_a_cgroup_that_vanishes_while_we_run_leaves_the_host(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/\n", V2_MOUNT.format(shown="/", at=AT)) | v2("", most=str(512 * MIB), current=64 * MIB),
    )
    source = MemorySource(root=root)
    for file in (root / "sys/fs/cgroup").iterdir():
        file.unlink()
    assert [bound.kind for bound in source.read().bounds] == ["host"]


def test_this_machine_is_read_too() -> None:
    reading = MemorySource().read()
    assert reading.binding is not None
    assert 0 < reading.binding.used_bytes < reading.binding.limit_bytes


@pytest.fixture
def real_cgroup() -> Iterator[MemoryCgroup]:
    """A cgroup of this machine with a limit of 200 MiB, beside our own."""
    own = memory_cgroups()
    if os.geteuid() != 0 or not own:
        pytest.skip("only root can make a memory cgroup, and only where there is a memory controller")
    cgroup = MemoryCgroup(own[0].path / f"tidegate-test-{uuid.uuid4().hex[:8]}", own[0].version)
    limit = "memory.max" if cgroup.version == 2 else "memory.limit_in_bytes"
    try:
        cgroup.path.mkdir()
        (cgroup.path / limit).write_text(str(200 * MIB), encoding="ascii")
    except OSError as error:
        if cgroup.path.exists():
            cgroup.path.rmdir()
        pytest.skip(f"no memory cgroup can be made here: {error}")
    yield cgroup
    cgroup.path.rmdir()


ALLOCATE = """
import json, sys
from memory import MemorySource
source = MemorySource()
def show():
    bound = source.read().bounds[0]
    print(json.dumps([bound.kind, bound.where, bound.limit_bytes, bound.used_bytes]), flush=True)
show()
held = bytearray(b"x" * (64 << 20))
show()
del held
show()
"""


@pytest.mark.processes
def test_in_a_real_cgroup_a_process_reads_its_own_limit_and_what_it_has_taken(real_cgroup: MemoryCgroup) -> None:
    join = f"echo $$ > {real_cgroup.path}/cgroup.procs && exec {sys.executable} -c '{ALLOCATE}'"
    done = subprocess.run(["/bin/sh", "-c", join], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
    before, during, after = (json.loads(line) for line in done.stdout.splitlines())
    assert before[:3] == [f"cgroup v{real_cgroup.version}", str(real_cgroup.path), 200 * MIB]
    assert during[3] - before[3] >= 60 * MIB
    assert during[3] - after[3] >= 60 * MIB
