"""What facts come to: every case of every judge, without a machine that is like that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory import Admission, Bound, Level, Reading
from tidegate.doctor import chromium, database, disk, folders, machine, room, sandbox, verdict
from tidegate.doctor.finding import Finding, Verdict
from tidegate.doctor.trial import Trial

GOOD, NOTE, FAILURE = Verdict.GOOD, Verdict.NOTE, Verdict.FAILURE
MIB = 1 << 20


def holds(finding: Finding, expected: Verdict, *words: str) -> bool:
    """The verdict is that, the words are in it, and what fails says what to do."""
    said = f"{finding.found} {finding.advice}"
    assert finding.verdict is expected, said
    assert all(word in said for word in words), said
    return expected is not FAILURE or bool(finding.advice)


VERSIONS = machine.Versions("0.1.0", "3.13.1", "1.65.2", "Linux", "6.1", "aarch64")


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (VERSIONS, GOOD, ("0.1.0", "3.13.1", "1.65.2", "6.1", "aarch64")),
        (replace(VERSIONS, playwright=None), FAILURE, ("Playwright is not installed",)),
    ),
)
def test_versions(facts: machine.Versions, expected: Verdict, words: tuple[str, ...]) -> None:
    assert holds(machine.judge_versions(facts), expected, *words)


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (disk.Disk(("sda",), 128 << 10, 320 * MIB), GOOD, ("sda", "128 KiB")),
        (
            disk.Disk(("sda",), 8 << 20, 320 * MIB),
            NOTE,
            ("sda", "8,192 KiB", "320 MiB", "blockdev --setra 256 /dev/sda"),
        ),
        (disk.Disk(("sda", "sdb"), 8 << 20, 4096 * MIB), GOOD, ("sda, sdb",)),
        (disk.Disk(("sda",), 8 << 20, None), GOOD, ("8,192 KiB",)),
        (disk.Disk((), None, 320 * MIB), GOOD, ("not told",)),
    ),
)
def test_disk(facts: disk.Disk, expected: Verdict, words: tuple[str, ...]) -> None:
    assert holds(disk.judge_disk(facts), expected, *words)


def test_a_variable_that_was_mistyped_is_named_with_the_one_that_was_meant() -> None:
    given = machine.look_at_settings({"TIDEGATE_CHROMIUM": "x", "TIDEGATE_DATABASE_ULR": "secret", "HOME": "/"})
    finding = machine.judge_settings(given)
    assert holds(finding, NOTE, "TIDEGATE_CHROMIUM", "TIDEGATE_DATABASE_ULR", "is TIDEGATE_DATABASE_URL meant?")
    assert "secret" not in str(given)


def test_settings_as_they_are_by_default_are_good() -> None:
    assert holds(machine.judge_settings(machine.GivenSettings((), None, ())), GOOD, "by default")
    assert holds(machine.judge_settings(machine.GivenSettings((), "/a/tidegate.toml", ())), GOOD, "/a/tidegate.toml")


CLOCK = machine.Clock(2026, "CET", "Europe/Berlin", zone_is_known=True, encoding="utf-8")


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (CLOCK, GOOD, ("CET", "utf-8")),
        (replace(CLOCK, year=1970), FAILURE, ("certificate",)),
        (replace(CLOCK, zone_is_known=False), NOTE, ("TZ=Europe/Berlin", "tzdata")),
        (replace(CLOCK, encoding="ascii"), NOTE, ("LANG=C.UTF-8",)),
    ),
)
def test_clock(facts: machine.Clock, expected: Verdict, words: tuple[str, ...]) -> None:
    assert holds(machine.judge_clock(facts), expected, *words)


@pytest.mark.parametrize(
    ("name", "is_known"),
    (("UTC", True), ("CET-1CEST", True), ("Nowhere/Land", False), ("../etc", False), ("/no/such/file", False)),
)
def test_which_time_zones_there_is_data_for(monkeypatch: pytest.MonkeyPatch, name: str, *, is_known: bool) -> None:
    monkeypatch.setenv("TZ", name)
    assert machine.look_at_clock().zone_is_known is is_known


LIMITS = machine.ProcessLimits(20_000, 4000, 1000, 10)


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (LIMITS, GOOD, ("20,000", "990 of 1,000")),
        (machine.ProcessLimits(None, None, None, None), GOOD, ("no limit",)),
        (replace(LIMITS, open_files=256), NOTE, ("ulimit -n",)),
        (replace(LIMITS, processes=100), NOTE, ("ulimit -u",)),
        (replace(LIMITS, cgroup_processes_now=900), NOTE, ("100 of 1,000 left", "--pids-limit")),
    ),
)
def test_process_limits(facts: machine.ProcessLimits, expected: Verdict, words: tuple[str, ...]) -> None:
    assert holds(machine.judge_process_limits(facts), expected, *words)


FOLDER = folders.Folder("/data", 1000 * MIB, 10_000, "ext4")


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (FOLDER, GOOD, ("/data", "ext4", "1,000 MiB", "10,000 inodes")),
        (None, GOOD, ("not needed",)),
        (replace(FOLDER, free_inodes=None), GOOD, ("1,000 MiB free",)),
        (replace(FOLDER, free_bytes=99 * MIB), NOTE, ("little", "THAT")),
        (replace(FOLDER, free_bytes=9 * MIB), FAILURE, ("too little", "THAT")),
        (replace(FOLDER, free_bytes=0), FAILURE, ("too little",)),
        (replace(FOLDER, free_inodes=999), NOTE, ("999 inodes",)),
        (replace(FOLDER, free_inodes=0), FAILURE, ("0 inodes",)),
        (replace(FOLDER, disk="tmpfs"), NOTE, ("is memory",)),
        (replace(FOLDER, passed_over="/other"), NOTE, ("/other can't be written to",)),
        (folders.Folder("/data", problem="Read-only file system"), FAILURE, ("Read-only file system", "THAT")),
    ),
)
def test_folders(facts: folders.Folder | None, expected: Verdict, words: tuple[str, ...]) -> None:
    finding = folders.judge_folder(facts, least_bytes=10 * MIB, ample_bytes=100 * MIB, setting="THAT")
    assert holds(finding, expected, *words)


def test_no_size_of_shared_memory_is_a_trouble() -> None:
    assert holds(folders.judge_shared_memory(folders.SharedMemory(64 * MIB, 0)), GOOD, "64 MiB, 0 free")
    assert holds(folders.judge_shared_memory(folders.SharedMemory(None, None)), GOOD, "not needed")


EXECUTABLE = chromium.Executable((), "/bin/chromium", "system", "156.0")


@pytest.mark.parametrize(
    ("facts", "is_set", "is_needed", "expected", "words"),
    (
        (EXECUTABLE, False, True, GOOD, ("156.0", "/bin/chromium", "the system's")),
        (chromium.Executable(("/a", "/b")), False, True, FAILURE, ("/a, /b", "tidegate setup")),
        (chromium.Executable(("/a",)), True, True, FAILURE, ("Correct TIDEGATE_CHROMIUM",)),
        (chromium.Executable(("/a",)), False, False, GOOD, ("not needed",)),
        (
            replace(EXECUTABLE, version=None, problem="no answer"),
            False,
            True,
            FAILURE,
            ("does not start: no answer",),
        ),
    ),
)
def test_executable(
    facts: chromium.Executable, *, is_set: bool, is_needed: bool, expected: Verdict, words: tuple[str, ...]
) -> None:
    assert holds(chromium.judge_executable(facts, is_set=is_set, is_needed=is_needed), expected, *words)


@pytest.mark.parametrize(
    ("problem", "advice"),
    (
        ("error while loading shared libraries: libnss3.so", "tidegate setup"),
        ("Exec format error", "another processor"),
        ("pthread_create: Resource temporarily unavailable (11)", "`processes`"),
        ("mkdir: No space left on device", "`scratch`"),
        ("it was killed, which the kernel does where memory is short", "`memory`"),
        ("no answer in 30 s", "`room`"),
        ("something new", "by hand"),
    ),
)
def test_what_to_do_about_a_chromium_that_does_not_start(problem: str, advice: str) -> None:
    assert advice in chromium.advice_on_start(problem)


def test_the_driver_is_needed_only_for_playwright_servers() -> None:
    broken = chromium.Driver(problem="libatomic.so.1: no such file")
    assert holds(chromium.judge_driver(chromium.Driver("1.65.2"), is_needed=True), GOOD, "1.65.2")
    assert holds(chromium.judge_driver(broken, is_needed=False), NOTE, "libatomic.so.1", "lease.page")
    assert holds(chromium.judge_driver(broken, is_needed=True), FAILURE, "libatomic1")


def test_a_window_takes_a_full_chromium_and_a_display_and_is_never_needed() -> None:
    assert holds(chromium.judge_window(chromium.Window("/bin/chromium", ":0")), GOOD, "/bin/chromium on :0")
    assert holds(chromium.judge_window(chromium.Window(None, ":0")), NOTE, "no Chromium with windows)")
    assert holds(chromium.judge_window(chromium.Window("/bin/chromium", None)), NOTE, "(no display)")


BOUND = Bound("cgroup v2", "/sys/fs/cgroup", 512 * MIB, 128 * MIB)
HOST = Bound("host", "", 4096 * MIB, 1024 * MIB)
READING = Reading(0.0, (BOUND, HOST), 0.0, 0)
MEMORY = room.Memory(READING, ("/sys/fs/cgroup",), 2, 0, 0, None)


def test_every_limit_is_told_and_the_one_that_binds_first() -> None:
    finding = room.judge_memory(MEMORY)
    assert holds(finding, GOOD, "normal; 128 MiB of 512 MiB used, 384 MiB left (cgroup v2 /sys/fs/cgroup)")
    assert finding.details == ("1,024 MiB of 4,096 MiB used, 3,072 MiB left (host)",)


def test_memory_that_is_full_already_or_not_known_is_noted() -> None:
    full = replace(MEMORY, reading=replace(READING, level=Level.CRITICAL))
    unknown = replace(MEMORY, reading=Reading(0.0, (), None, None, unknowns=("no /proc here",)))
    assert holds(room.judge_memory(full), NOTE, "critical")
    assert holds(room.judge_memory(unknown), NOTE, "no /proc here", "TIDEGATE_MEMORY_LIMIT_MB")


def test_cgroup_swap_pressure_and_kills() -> None:
    swaps = replace(MEMORY, swap_bytes=100 * MIB, swapped_bytes=10 * MIB, may_swap_bytes=0)
    assert holds(room.judge_cgroup(MEMORY), GOOD, "v2, /sys/fs/cgroup")
    assert holds(room.judge_cgroup(replace(MEMORY, cgroups=(), cgroup_version=None)), NOTE, "no memory cgroup")
    assert holds(room.judge_swap(MEMORY), GOOD, "none")
    assert holds(room.judge_swap(swaps), GOOD, "10 MiB of 100 MiB", "may use 0 MiB")
    assert holds(room.judge_swap(replace(swaps, swapped_bytes=60 * MIB)), NOTE, "60 MiB of 100 MiB")
    assert holds(room.judge_pressure(MEMORY), GOOD, "0%")
    assert holds(room.judge_pressure(replace(MEMORY, reading=replace(READING, pressure=0.5))), NOTE, "50%")
    assert holds(room.judge_pressure(replace(MEMORY, reading=replace(READING, pressure=None))), NOTE, "PSI")
    assert holds(room.judge_kills(MEMORY), GOOD, "none")
    assert holds(room.judge_kills(replace(MEMORY, reading=replace(READING, oom_kills=3))), NOTE, "killed 3")
    assert holds(room.judge_kills(replace(MEMORY, reading=replace(READING, oom_kills=None))), NOTE, "not counted")


def asked(limit_mib: int, used_mib: int, bound_by: str = "cgroup v2 /") -> room.Room:
    margin = limit_mib * MIB // 10
    left = limit_mib * MIB - used_mib * MIB - margin
    need = 226 * MIB
    return room.Room(Admission(left >= need, need, limit_mib * MIB, used_mib * MIB, 0, margin, bound_by), 130 * MIB)


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (asked(512, 38), GOOD, ("a browser and a page fit", "226 MiB needed")),
        (asked(200, 38), NOTE, ("one page at a time", "320 MiB at least")),
        (asked(150, 38), FAILURE, ("no browser fits", "320 MiB at least", "--memory")),
        (asked(150, 38, "cap set by the user"), FAILURE, ("TIDEGATE_MEMORY_LIMIT_MB to 320",)),
        (asked(2000, 1990, "host"), FAILURE, ("This machine itself",)),
        (room.Room(Admission(True, 1, None, None, 0, 0, "no limit known"), 1), NOTE, ("no memory limit is known",)),
        (replace(asked(512, 38), launch_bytes=0), GOOD, ("a page elsewhere",)),
    ),
)
def test_room(facts: room.Room, expected: Verdict, words: tuple[str, ...]) -> None:
    assert holds(room.judge_room(facts), expected, *words)


def test_under_the_limit_that_is_advised_it_fits() -> None:
    tight = asked(200, 38)
    advised = room.enough_bytes(tight.admission) // MIB
    assert asked(advised, 38).admission.is_safe
    assert not asked(advised - 64, 38).admission.is_safe


STORE = database.Store(
    False, "postgresql://ada:***@db/x", 0.1, "18.1", is_read_only=False, may_create=True, migrated=(1, 2, 3)
)


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (STORE, GOOD, ("postgresql://ada:***@db/x", "18.1", "up to date (version 3)")),
        (replace(STORE, migrated=()), GOOD, ("no tables yet",)),
        (replace(STORE, migrated=(1,)), NOTE, ("version 1 of 3",)),
        (replace(STORE, migrated=(1, 2, 3, 4)), FAILURE, ("version 4", "upgrade")),
        (replace(STORE, migrated=(1,), may_create=False), FAILURE, ("grant create",)),
        (replace(STORE, may_create=False), GOOD, ("up to date",)),
        (replace(STORE, is_read_only=True), FAILURE, ("nothing can be written",)),
        (replace(STORE, problem="no answer in 10 s"), FAILURE, ("no answer in 10 s", "TIDEGATE_DATABASE_URL")),
        (database.Store(True, "/data", problem="initdb failed"), FAILURE, ("initdb failed", "TIDEGATE_DATA_DIR")),
    ),
)
def test_database(facts: database.Store, expected: Verdict, words: tuple[str, ...]) -> None:
    assert holds(database.judge_database(facts, known=(1, 2, 3)), expected, *words)


ON = sandbox.Sandbox(False, is_on=True, page=sandbox.Confinement(1, 2))


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    (
        (ON, GOOD, ("on", "1 system call filters", "2 namespaces")),
        (replace(ON, page=None), GOOD, ("can't be seen here",)),
        (replace(ON, page=sandbox.Confinement(0, 0)), NOTE, ("not confined",)),
        (sandbox.Sandbox(True, is_on=False), NOTE, ("off", "root", "another user")),
        (sandbox.Sandbox(False, ("a.b=0",), is_on=False), NOTE, ("a.b=0", "sysctl")),
        (sandbox.Sandbox(False, is_filtered=True, is_on=False), NOTE, ("seccomp",)),
        (sandbox.Sandbox(False, is_on=False), NOTE, ("forbids user namespaces",)),
        (sandbox.Sandbox(True), NOTE, ("would be off",)),
        (sandbox.Sandbox(False), NOTE, ("not known",)),
    ),
)
def test_sandbox(facts: sandbox.Sandbox, expected: Verdict, words: tuple[str, ...]) -> None:
    assert holds(sandbox.judge_sandbox(facts), expected, *words)


def trial(**changes: object) -> Trial:
    made = Trial(
        "local", True, 0.1, "156.0", 0.2, {"Latin": True, "emoji": True}, "host", 10 * MIB, 90 * MIB, 80 * MIB
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_browser_that_loads_a_page_is_good_and_says_what_that_took() -> None:
    assert holds(verdict.judge_browser(trial()), GOOD, "156.0", "0.10 s")
    page = verdict.judge_page(trial())
    assert holds(page, GOOD, "0.20 s", "hold 80 MiB")
    assert "from 10 MiB before the browser to 90 MiB" in page.details[0]
    assert holds(verdict.judge_fonts(trial()), GOOD, "Latin, emoji")
    assert holds(verdict.judge_remote(trial()), GOOD, "156.0", "0.20 s")


@pytest.mark.parametrize(
    ("error", "advice"),
    (
        ("LimitTooLow", "`room`"),
        ("NoScratch", "`scratch`"),
        ("OSError", "`scratch`"),
        ("LaunchFailed", "by hand"),
        (None, "by hand"),
    ),
)
def test_a_browser_that_is_not_there_fails_and_so_does_the_page(error: str | None, advice: str) -> None:
    broken = trial(launch_seconds=None, page_seconds=None, scripts=None, error=error, problem="why it is")
    assert holds(verdict.judge_browser(broken), FAILURE, "why it is", advice)
    assert holds(verdict.judge_page(broken), FAILURE, "not tried")
    assert holds(verdict.judge_fonts(broken), NOTE, "not known")
    assert holds(verdict.judge_remote(broken), FAILURE, "why it is", "TIDEGATE_BROWSERS")


def test_a_browser_that_was_not_tried_points_at_what_kept_it_from_that() -> None:
    assert holds(verdict.judge_browser(trial(launch_seconds=None)), FAILURE, "not tried", "`chromium`")


def test_a_page_that_did_not_come_fails_though_the_browser_is_good() -> None:
    broken = trial(page_seconds=None, problem="it crashed")
    assert holds(verdict.judge_browser(broken), GOOD)
    assert holds(verdict.judge_page(broken), FAILURE, "it crashed")
    assert holds(verdict.judge_remote(broken), FAILURE, "it crashed")


def test_fonts_that_are_missing_are_noted_by_name() -> None:
    assert holds(verdict.judge_fonts(trial(scripts={"Latin": True, "Thai": False})), NOTE, "boxes in place of: Thai")
    assert holds(verdict.judge_fonts(trial(scripts={"Latin": False})), NOTE, "drawn: nothing")


def test_where_all_browsers_are_elsewhere_none_here_is_missed() -> None:
    for judge in (verdict.judge_browser, verdict.judge_page, verdict.judge_trial_sandbox, verdict.judge_fonts):
        assert holds(judge(None), GOOD, "not needed")
