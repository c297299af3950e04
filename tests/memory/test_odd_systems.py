"""Readings of systems that are odd: mounts, namespaces, missing controllers, unreadable and absurd files."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory import MemorySource
from memory.readings import memory_cgroups
from tests.memory.systems import (
    AT,
    HOST,
    HOST_LIMIT,
    HOST_USED,
    MIB,
    NO_LIMIT_V1,
    V1_MOUNT,
    V2_MOUNT,
    look,
    process,
    recorded,
    sizes,
    v1,
    v2,
)

V1_AT = f"{AT}/memory"
UNIFIED = "sys/fs/cgroup/unified"
NOT_TOLD = "memory pressure: not told by this kernel"
NO_KILLS = "kills by the kernel: not counted here"
NO_CGROUP = "no memory cgroup here: only the host's memory is known"

Files = dict[str, str | bytes]


def v1_stat(folder: str, *, inactive: int = 0, hierarchical: str = NO_LIMIT_V1) -> Files:
    text = f"inactive_file 1\nhierarchical_memory_limit {hierarchical}\ntotal_inactive_file {inactive}\n"
    return {f"sys/fs/cgroup/memory{folder}/memory.stat": text}


def moved(files: dict[str, str], before: str, after: str) -> Files:
    """The same files below another folder."""
    return {name.replace(before, after, 1): text for name, text in files.items()}


@dataclass(frozen=True)
class Odd:
    """A system, and the bounds of its cgroups: where each ends, its limit and what is used, in MiB."""

    files: Files
    expected: tuple[tuple[str, int, int], ...]
    kills: int | None = None


BOX_V2 = v2("/box", most=str(512 * MIB), current=100 * MIB, inactive=20 * MIB)
BOX_V1 = v1("/box", limit=str(512 * MIB), usage=100 * MIB, inactive=20 * MIB)

ODD: dict[str, Odd] = {
    "a space and a backslash in a mount point are written in octal": Odd(
        {
            **process("0::/box\n", V2_MOUNT.format(shown="/", at=r"/mnt/my\040c\134groups")),
            **moved(BOX_V2, "sys/fs/cgroup", "mnt/my c\\groups"),
        },
        (("/mnt/my c\\groups/box", 512, 80),),
        kills=1,
    ),
    "a space in the part of the hierarchy that is mounted is written in octal": Odd(
        {
            **process("0::/my box\n", V2_MOUNT.format(shown=r"/my\040box", at=AT)),
            **v2("", most=str(512 * MIB), current=100 * MIB),
        },
        ((AT, 512, 100),),
        kills=1,
    ),
    "a space in the path of the cgroup": Odd(
        {
            **process("0::/my box\n", V2_MOUNT.format(shown="/", at=AT)),
            **v2("/my box", most=str(512 * MIB), current=MIB),
        },
        (("/my box", 512, 1),),
        kills=1,
    ),
    "colons in the path of the cgroup": Odd(
        {
            **process("3:memory:/a:memory:/b::c\n", V1_MOUNT.format(shown="/", at=V1_AT)),
            **v1("/a:memory:/b::c", limit=str(512 * MIB), usage=MIB),
        },
        (("/a:memory:/b::c", 512, 1),),
        kills=3,
    ),
    "a bind mount of another part of the hierarchy comes first": Odd(
        {
            **process(
                "0::/docker/in\n",
                V2_MOUNT.format(shown="/docker/other", at="/mnt/other"),
                V2_MOUNT.format(shown="/docker/in", at=AT),
            ),
            **v2("", most=str(512 * MIB), current=100 * MIB),
            **moved(v2("", most=str(64 * MIB), current=MIB), "sys/fs/cgroup", "mnt/other"),
        },
        ((AT, 512, 100),),
        kills=1,
    ),
    "a part whose name begins like ours is not ours": Odd(
        {
            **process(
                "0::/docker/inner\n",
                V2_MOUNT.format(shown="/docker/in", at="/mnt/other"),
                V2_MOUNT.format(shown="/", at=AT),
            ),
            **v2("/docker/inner", most=str(512 * MIB), current=100 * MIB),
            **moved(v2("", most=str(64 * MIB), current=MIB), "sys/fs/cgroup", "mnt/other"),
        },
        (("/docker/inner", 512, 100),),
        kills=1,
    ),
    "docker in docker: the closest mount shows our own, a wider one what is above it": Odd(
        {
            **process(
                "0::/outer/inner\n",
                V2_MOUNT.format(shown="/outer", at="/mnt/outer"),
                V2_MOUNT.format(shown="/outer/inner", at=AT),
            ),
            **v2("", most=str(256 * MIB), current=10 * MIB),
            **moved(v2("", most=str(512 * MIB), current=100 * MIB), "sys/fs/cgroup", "mnt/outer"),
            **moved(v2("/inner", most=str(256 * MIB), current=11 * MIB), "sys/fs/cgroup", "mnt/outer"),
        },
        ((AT, 256, 10), ("/mnt/outer", 512, 100)),
        kills=1,
    ),
    "a mount that is hidden by another one and shows nothing": Odd(
        {
            **process("0::/box\n", V2_MOUNT.format(shown="/box", at="/gone"), V2_MOUNT.format(shown="/", at=AT)),
            **BOX_V2,
        },
        (("/box", 512, 80),),
        kills=1,
    ),
    "hybrid: version 1 without memory, version 2 with it at unified": Odd(
        {
            **process(
                "9:name=systemd:/box\n2:cpu,cpuacct:/box\n0::/box\n",
                f"35 31 0:32 / {AT}/cpu rw - cgroup cgroup rw,cpu\n",
                V2_MOUNT.format(shown="/", at=f"{AT}/unified"),
            ),
            **moved(BOX_V2, "sys/fs/cgroup", UNIFIED),
        },
        (("/unified/box", 512, 80),),
        kills=1,
    ),
    "version 1 is named and not mounted, version 2 has memory": Odd(
        {**process("4:memory:/old\n0::/box\n", V2_MOUNT.format(shown="/", at=AT)), **BOX_V2},
        (("/box", 512, 80),),
        kills=1,
    ),
    "version 1 is named and not mounted, version 2 has no memory": Odd(
        {
            **process("4:memory:/old\n0::/box\n", V2_MOUNT.format(shown="/", at=AT)),
            "sys/fs/cgroup/box/cgroup.procs": "1\n",
        },
        (),
    ),
    "version 2 without its memory controller": Odd(
        {**process("0::/box\n", V2_MOUNT.format(shown="/", at=AT)), "sys/fs/cgroup/box/cgroup.procs": "1\n"}, ()
    ),
    "version 2: our own cgroup lacks the memory controller, its parent has it": Odd(
        {
            **process("0::/box/run\n", V2_MOUNT.format(shown="/", at=AT)),
            **BOX_V2,
            "sys/fs/cgroup/box/run/cgroup.procs": "1\n",
            "sys/fs/cgroup/box/run/memory.pressure": "some avg10=25.00 avg60=0.00\n",
            "sys/fs/cgroup/box/memory.pressure": "some avg10=75.00 avg60=0.00\n",
        },
        (("/box", 512, 80),),
        kills=1,
    ),
    "version 2: the limit is on the grandparent only": Odd(
        {**process("0::/box/a/b\n", V2_MOUNT.format(shown="/", at=AT)), **BOX_V2, **v2("/box/a"), **v2("/box/a/b")},
        (("/box", 512, 80),),
        kills=1,
    ),
    "version 2: memory.high below memory.max": Odd(
        {
            **process("0::/box\n", V2_MOUNT.format(shown="/", at=AT)),
            **v2("/box", most=str(512 * MIB), high=str(300 * MIB), current=MIB),
        },
        (("/box", 300, 1),),
        kills=1,
    ),
    "version 2: memory.max below memory.high": Odd(
        {
            **process("0::/box\n", V2_MOUNT.format(shown="/", at=AT)),
            **v2("/box", most=str(300 * MIB), high=str(512 * MIB), current=MIB),
        },
        (("/box", 300, 1),),
        kills=1,
    ),
    "a namespace, and a process outside of it": Odd(
        {
            **process("0::/../../other\n", V2_MOUNT.format(shown="/", at=AT)),
            **v2("", most=str(512 * MIB), current=MIB),
        },
        ((AT, 512, 1),),
        kills=1,
    ),
    "a namespace, and the host's hierarchy mounted beside our own": Odd(
        {
            **process("0::/\n", V2_MOUNT.format(shown="/../..", at="/host"), V2_MOUNT.format(shown="/", at=AT)),
            **v2("", most=str(512 * MIB), current=MIB),
            **moved(v2("", most=str(64 * MIB), current=MIB), "sys/fs/cgroup", "host"),
        },
        ((AT, 512, 1),),
        kills=1,
    ),
    "a namespace, and a process outside of it in a part that is mounted": Odd(
        {
            **process("0::/../x\n", V2_MOUNT.format(shown="/..", at="/host"), V2_MOUNT.format(shown="/", at=AT)),
            **v2("", most=str(64 * MIB), current=MIB),
            **moved(v2("/x", most=str(512 * MIB), current=MIB), "sys/fs/cgroup", "host"),
        },
        (("/host/x", 512, 1),),
        kills=1,
    ),
    "no namespace: the host's path, and only our own folder is mounted": Odd(
        {
            **process("4:memory:/docker/4f1a\n", V1_MOUNT.format(shown="/docker/4f1a", at=V1_AT)),
            **v1("", limit=str(512 * MIB), usage=MIB),
        },
        ((V1_AT, 512, 1),),
        kills=3,
    ),
    "our cgroup was removed while we are in it": Odd(
        {**process("0::/box/run (deleted)\n", V2_MOUNT.format(shown="/", at=AT)), **BOX_V2},
        (("/box", 512, 80),),
        kills=1,
    ),
    "our cgroup is marked removed and its folder is there again": Odd(
        {**process("0::/box (deleted)\n", V2_MOUNT.format(shown="/", at=AT)), **BOX_V2},
        (("/box", 512, 80),),
        kills=1,
    ),
    "version 1: memory and swap together have a limit of their own": Odd(
        {
            **process("4:memory:/box\n", V1_MOUNT.format(shown="/", at=V1_AT)),
            **BOX_V1,
            f"{V1_AT[1:]}/box/memory.memsw.limit_in_bytes": str(600 * MIB),
            f"{V1_AT[1:]}/box/memory.memsw.usage_in_bytes": str(500 * MIB),
            f"{V1_AT[1:]}/box/memory.stat": (
                f"hierarchical_memory_limit {512 * MIB}\nhierarchical_memsw_limit {600 * MIB}\n"
                f"total_swap {MIB}\ntotal_inactive_file {20 * MIB}\n"
            ),
        },
        (("/box", 512, 80), ("/box with swap", 600, 480)),
        kills=3,
    ),
    "version 1: a limit above what is mounted": Odd(
        {
            **process("4:memory:/pod/box\n", V1_MOUNT.format(shown="/pod/box", at=V1_AT)),
            **v1("", limit=str(512 * MIB), usage=100 * MIB),
            **v1_stat("", inactive=20 * MIB, hierarchical=str(300 * MIB)),
        },
        ((V1_AT, 512, 80), (f"above {V1_AT}", 300, 80)),
        kills=3,
    ),
    "version 1: a limit above what is mounted, where nothing that is mounted has one": Odd(
        {
            **process("4:memory:/pod/box\n", V1_MOUNT.format(shown="/pod/box", at=V1_AT)),
            **v1("", usage=100 * MIB),
            **v1_stat("", inactive=20 * MIB, hierarchical=str(300 * MIB)),
        },
        ((f"above {V1_AT}", 300, 80),),
        kills=3,
    ),
    "version 1: no lower limit above what is mounted": Odd(
        {
            **process("4:memory:/pod/box\n", V1_MOUNT.format(shown="/pod/box", at=V1_AT)),
            **v1("", limit=str(300 * MIB), usage=100 * MIB),
            **v1_stat("", inactive=20 * MIB, hierarchical=str(300 * MIB)),
        },
        ((V1_AT, 300, 80),),
        kills=3,
    ),
    "version 1: the true root is mounted, so nothing is above it": Odd(
        {
            **process("4:memory:/\n", V1_MOUNT.format(shown="/", at=V1_AT)),
            **v1("", usage=100 * MIB),
            **v1_stat("", hierarchical=str(300 * MIB)),
            f"{V1_AT[1:]}/release_agent": "\n",
        },
        (),
        kills=3,
    ),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_an_odd_system_is_read_right(tmp_path: Path, odd: Odd) -> None:
    reading = look(recorded(tmp_path, odd.files))
    found = [(bound.where, bound.limit_bytes // MIB, bound.used_bytes // MIB) for bound in reading.bounds]
    assert len(found) == len(odd.expected) + 1
    for (where, *numbers), (end, *expected) in zip(found, odd.expected, strict=False):
        assert where.replace(str(tmp_path), "").endswith(end)
        assert numbers == expected
    assert sizes(reading)[-1] == ("host", HOST_LIMIT, HOST_USED)
    assert reading.oom_kills == odd.kills


def unknowns(root: Path) -> list[str]:
    """The sentences of one look, without the folder of the test."""
    return [sentence.replace(str(root), "") for sentence in look(root).unknowns]


TOLD: Files = {"proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"}


def plain(tmp_path: Path, changed: Files | None = None) -> Path:
    """A system of which all is known, but for `changed`."""
    mount = V2_MOUNT.format(shown="/", at=AT)
    return recorded(tmp_path, {**process("0::/box\n", mount), **BOX_V2, **TOLD, **(changed or {})})


def test_where_all_is_known_there_is_nothing_to_say_and_no_limit_is_no_unknown(tmp_path: Path) -> None:
    assert unknowns(plain(tmp_path)) == []
    assert unknowns(plain(tmp_path, {"sys/fs/cgroup/box/memory.max": "max\n"})) == []


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    (
        ("memory.max", "abc\n", "memory.max of /sys/fs/cgroup/box can't be understood: 'abc'"),
        ("memory.max", "-5\n", "memory.max of /sys/fs/cgroup/box can't be understood: '-5'"),
        ("memory.max", "0\n", "memory.max of /sys/fs/cgroup/box can't be understood: '0'"),
        ("memory.max", "", "memory.max of /sys/fs/cgroup/box can't be understood: ''"),
        ("memory.max", "9" * 5000, f"memory.max of /sys/fs/cgroup/box can't be understood: '{'9' * 40}'"),
        ("memory.high", b"\xff\x00\x01", r"memory.high of /sys/fs/cgroup/box can't be understood: '\xff\x00\x01'"),
        ("memory.current", "-5\n", "memory.current of /sys/fs/cgroup/box can't be understood: '-5'"),
        ("memory.current", "", "memory.current of /sys/fs/cgroup/box can't be understood: ''"),
        ("memory.current", "9" * 20, f"memory.current of /sys/fs/cgroup/box can't be understood: '{'9' * 20}'"),
        ("memory.stat", "anon 1\n", "inactive_file in memory.stat of /sys/fs/cgroup/box is not told"),
        (
            "memory.stat",
            "inactive_file -1\n",
            "inactive_file in memory.stat of /sys/fs/cgroup/box can't be understood: '-1'",
        ),
        ("memory.events", "low 0\n", NO_KILLS),
        (
            "memory.events",
            "oom_kill x\n",
            "oom_kill in memory.events of /sys/fs/cgroup/box can't be understood: 'x'",
        ),
        (
            "memory.pressure",
            "some avg10=much\n",
            "some avg10 in memory.pressure of /sys/fs/cgroup/box can't be understood: 'much'",
        ),
    ),
)
def test_what_makes_no_sense_is_said(tmp_path: Path, name: str, text: str | bytes, sentence: str) -> None:
    assert unknowns(plain(tmp_path, {f"sys/fs/cgroup/box/{name}": text})) == [sentence]


@pytest.mark.parametrize("name", ("memory.max", "memory.high", "memory.current", "memory.stat", "memory.events"))
def test_a_folder_in_place_of_a_file_is_said(tmp_path: Path, name: str) -> None:
    root = plain(tmp_path)
    path = root / "sys/fs/cgroup/box" / name
    path.unlink()
    path.mkdir()
    assert unknowns(root) == [f"{name} of /sys/fs/cgroup/box can't be read: Is a directory"]


def test_a_file_that_we_may_not_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plain(tmp_path)
    really_open = os.open

    def refuse(path: str, flags: int) -> int:
        if path.endswith("memory.current"):
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, flags)

    monkeypatch.setattr(os, "open", refuse)  # the tests may run as root, who may read all
    assert unknowns(root) == ["memory.current of /sys/fs/cgroup/box can't be read: Permission denied"]


def test_a_kernel_that_tells_neither_pressure_nor_kills_and_has_no_cgroup_is_said(tmp_path: Path) -> None:
    root = recorded(tmp_path, process("3:cpuset:/box\n1:cpu:/\n"))
    assert unknowns(root) == [NO_CGROUP, NO_KILLS, NOT_TOLD]


def test_a_cgroup_that_is_not_mounted_is_said(tmp_path: Path) -> None:
    root = recorded(tmp_path, {**process("4:memory:/box\n"), **TOLD})
    assert unknowns(root) == [
        "the memory cgroup /box of version 1 is not to be seen here",
        "no memory cgroup found: only the host's memory is known",
        NO_KILLS,
    ]


def test_a_system_without_proc_is_said(tmp_path: Path) -> None:
    assert unknowns(tmp_path) == [
        "no /proc here: memory cgroups, pressure and kills by the kernel not known",
        "meminfo of /proc can't be read: No such file or directory",
    ]


def test_a_host_that_does_not_tell_what_is_available_is_said(tmp_path: Path) -> None:
    root = plain(tmp_path, {"proc/meminfo": "MemTotal: 1000 kB\n"})
    assert unknowns(root) == ["MemAvailable in meminfo of /proc is not told"]


def test_a_stand_in_for_a_cgroup_that_is_not_to_be_seen_is_said(tmp_path: Path) -> None:
    root = plain(tmp_path, {"proc/self/cgroup": "0::/box/gone\n"})
    assert unknowns(root) == ["the cgroup /box/gone is not to be seen: /sys/fs/cgroup/box is taken for it"]


def test_what_others_use_of_a_limit_that_is_out_of_sight_is_said_to_be_unknown(tmp_path: Path) -> None:
    files = ODD["version 1: a limit above what is mounted"].files
    root = recorded(tmp_path, {**files, **TOLD})
    assert unknowns(root) == ["what others use of the limit above /sys/fs/cgroup/memory is not known"]


def test_pressure_is_that_of_our_own_cgroup_even_if_its_memory_is_its_parents(tmp_path: Path) -> None:
    odd = ODD["version 2: our own cgroup lacks the memory controller, its parent has it"]
    assert look(recorded(tmp_path, odd.files)).pressure == 0.25


def test_a_key_is_found_in_a_long_file_and_not_within_a_longer_key(tmp_path: Path) -> None:
    stat = "".join(f"key_{number} 1\n" for number in range(500)) + f"xinactive_file 1\ninactive_file {30 * MIB}\n"
    root = plain(tmp_path, {"sys/fs/cgroup/box/memory.stat": stat})
    assert look(root).bounds[0].used_bytes == 70 * MIB


def test_a_name_that_is_no_text_can_be_read_and_printed(tmp_path: Path) -> None:
    files = {name: text for name, text in plain_files().items() if "/box" not in name}
    root = recorded(tmp_path, {**files, "proc/self/cgroup": b"0::/b\xff\n"})
    folder = os.fsencode(root) + b"/sys/fs/cgroup/b\xff"
    try:
        os.mkdir(folder)  # noqa: PTH102 - a name of bytes
    except OSError:
        pytest.skip("this file system takes only text for names")
    for name, text in BOX_V2.items():
        Path(os.fsdecode(folder), Path(name).name).write_text(text, encoding="ascii")
    reading = look(root)
    assert reading.limit_bytes == 512 * MIB
    assert reading.bounds[0].where.encode("utf-8").endswith(b"/b?")


def plain_files() -> Files:
    return {**process("0::/box\n", V2_MOUNT.format(shown="/", at=AT)), **BOX_V2, **TOLD, **v2("")}


def test_a_process_that_was_moved_is_followed_once_it_is_asked_for(tmp_path: Path) -> None:
    root = plain(tmp_path, {**v2("/new", most=str(256 * MIB), current=MIB)})
    source = MemorySource(root=root)
    assert not source.rediscover()
    (root / "proc/self/cgroup").write_text("0::/new\n", encoding="ascii")
    assert source.read().limit_bytes == 512 * MIB
    assert source.rediscover()
    assert source.read().limit_bytes == 256 * MIB
    assert not source.rediscover()


def test_a_cap_goes_on_counting_where_it_stood_when_the_process_is_moved(tmp_path: Path) -> None:
    root = plain(tmp_path, {**v2("/new", current=700 * MIB)})
    source = MemorySource(root=root, cap_bytes=400 * MIB)
    (root / "sys/fs/cgroup/box/memory.current").write_text(str(130 * MIB), encoding="ascii")
    before = source.read().bounds[0]
    (root / "proc/self/cgroup").write_text("0::/new\n", encoding="ascii")
    assert source.rediscover()
    assert source.read().bounds[0] == before
    (root / "sys/fs/cgroup/new/memory.current").write_text(str(710 * MIB), encoding="ascii")
    assert source.read().bounds[0].used_bytes == before.used_bytes + 10 * MIB


def test_a_cap_is_counted_where_the_cgroup_has_no_limit(tmp_path: Path) -> None:
    root = plain(tmp_path, {"sys/fs/cgroup/box/memory.max": "max\n"})
    assert [bound.kind for bound in look(root, cap_bytes=400 * MIB).bounds] == ["cap", "host"]


def test_a_cap_of_which_the_use_is_not_known_is_said(tmp_path: Path) -> None:
    root = plain(tmp_path)
    source = MemorySource(root=root, cap_bytes=400 * MIB)
    (root / "sys/fs/cgroup/box/memory.current").write_text("?", encoding="ascii")
    reading = source.read()
    assert [bound.kind for bound in reading.bounds] == ["host"]
    assert "what counts against the cap set by the user is not known" in reading.unknowns


@pytest.mark.parametrize("name", ("cgroup", "mountinfo"))
def test_a_proc_that_cannot_be_read_for_a_while_does_not_make_a_known_limit_forgotten(
    tmp_path: Path, name: str
) -> None:
    root = plain(tmp_path)
    source = MemorySource(root=root)
    (root / "proc/self" / name).unlink()
    (root / "proc/self" / name).mkdir()
    assert not source.rediscover()
    assert source.read().limit_bytes == 512 * MIB
    assert f"{name} of /proc/self can't be read: Is a directory" in unknowns(root)


ANY_FILE = sorted({*plain_files(), *HOST, "sys/fs/cgroup/box/memory.pressure"})
V1_FILES: Files = {**process("4:memory:/box\n", V1_MOUNT.format(shown="/", at=V1_AT)), **BOX_V1, **v1(""), **TOLD}
ANY_V1_FILE = sorted(V1_FILES)
WORDS = st.sampled_from(
    (
        *(b"0::/", b"0::/box", b"4:memory:/box", b"0::/../..", b"\\000", b"\\777", b"\0", b" - cgroup2 ", b" - "),
        *(b"cgroup rw,memory", b"/sys/fs/cgroup", b"inactive_file ", b"total_inactive_file ", b"oom_kill "),
        *(b"hierarchical_memory_limit ", b"MemTotal: ", b"MemAvailable: ", b"some avg10=", b"max", b"-5", b"0", b"."),
        *(b"9" * 19, b"9" * 5000, b"536870912", b"\n", b" ", b":", b"/", b"nan", b"inf", b"1e9", b"1_0", b"\xb2"),
    )
)
CONTENT = st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=12).map(b"".join))


def check_that_it_is_sane(files: Files, changed: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = recorded(Path(folder), {**files, **changed})
        memory_cgroups(root)
        source = MemorySource(root=root, cap_bytes=MIB)
        source.rediscover()
        reading = source.read()
    for bound in reading.bounds:
        assert bound.limit_bytes > 0
        assert bound.used_bytes >= 0
    assert reading.pressure is None or 0 <= reading.pressure <= 1
    assert reading.oom_kills is None or reading.oom_kills >= 0
    assert all(sentence.encode("utf-8").strip() for sentence in (*reading.unknowns, "."))
    assert reading.share is None or reading.share >= 0


@settings(deadline=None)
@given(changed=st.dictionaries(st.sampled_from(ANY_FILE), CONTENT, min_size=1, max_size=4))
def test_whatever_the_files_of_version_2_hold_nothing_is_raised_and_no_bound_is_absurd(
    changed: dict[str, bytes],
) -> None:
    check_that_it_is_sane(plain_files(), changed)


@settings(deadline=None)
@given(changed=st.dictionaries(st.sampled_from(ANY_V1_FILE), CONTENT, min_size=1, max_size=4))
def test_whatever_the_files_of_version_1_hold_nothing_is_raised_and_no_bound_is_absurd(
    changed: dict[str, bytes],
) -> None:
    check_that_it_is_sane(V1_FILES, changed)
