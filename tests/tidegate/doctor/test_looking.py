"""Looking at real things: Chromium, Postgres, /proc, and programs that only pretend."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from browser_pool import Endpoint, PoolSettings
from memory import MemoryGuard, MemoryMonitor, MemorySource
from scraper.store.database import Database
from tidegate.doctor import chromium, database, disk, machine, sandbox
from tidegate.doctor.finding import Verdict
from tidegate.doctor.trial import Trial, try_browser
from tidegate.settings import Settings

MakeProgram = Callable[[str], Path]
ANSWERS = 'case "$*" in *--version*) echo "Chromium 1.2.3.4"; exit 0;; esac'
AMPLE_SECONDS = 60.0
HERE = Endpoint()


async def attempt(executable: Path, guard: MemoryGuard, endpoint: Endpoint = HERE, launch: float = 30.0) -> Trial:
    settings = PoolSettings(
        chromium=executable, needs_page=False, endpoints=(endpoint,), launch_seconds=launch, max_contexts=1
    )
    return await try_browser(endpoint, settings, guard, page_seconds=AMPLE_SECONDS, seconds=AMPLE_SECONDS)


@pytest.mark.browser
@pytest.mark.processes
async def test_a_real_chromium_tells_its_version_launches_and_loads_a_page(
    chromium_path: Path, guard: MemoryGuard
) -> None:
    found = await chromium.look_at_executable(chromium_path, AMPLE_SECONDS)
    made = await attempt(chromium_path, guard)
    assert (found.found, found.problem) == ("setting", None)
    assert made.problem is None
    assert made.version == found.version
    assert made.scripts is not None
    assert made.page_seconds is not None
    assert made.held_bytes is not None
    assert made.held_bytes > 10 << 20
    assert made.sandbox is not None
    assert made.sandbox.is_on is (os.geteuid() != 0)


@pytest.fixture(name="chromium_path")
def renamed(chromium: Path) -> Path:
    """The shared fixture has the name of the module that is looked at here."""
    return chromium


@pytest.mark.browser
async def test_without_a_font_the_page_is_read_all_the_same_and_nothing_is_drawn(
    chromium_path: Path, guard: MemoryGuard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "fonts.conf"
    empty.write_text('<?xml version="1.0"?><fontconfig></fontconfig>', encoding="ascii")
    monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
    made = await attempt(chromium_path, guard)
    assert made.page_seconds is not None
    assert made.scripts is not None
    assert not any(made.scripts.values())


@pytest.mark.processes
async def test_a_chromium_that_exits_at_once_is_told_with_its_last_words(
    program: MakeProgram, guard: MemoryGuard
) -> None:
    path = program(f'{ANSWERS}; echo "[1:1:FATAL:zygote.cc] no luck today" >&2; exit 1')
    assert (await chromium.look_at_executable(path, AMPLE_SECONDS)).version == "1.2.3.4"
    made = await attempt(path, guard)
    assert (made.error, made.launch_seconds) == ("LaunchFailed", None)
    assert "no luck today" in str(made.problem)


@pytest.mark.processes
async def test_a_chromium_that_hangs_is_given_up(program: MakeProgram, guard: MemoryGuard) -> None:
    path = program("exec sleep 600")
    assert (await chromium.look_at_executable(path, 0.5)).problem == "no answer in 0.5 s"
    made = await attempt(path, guard, launch=0.5)
    assert made.error == "LaunchFailed"
    assert "no answer" in str(made.problem)


@pytest.mark.processes
async def test_one_that_tells_no_version_is_none(program: MakeProgram) -> None:
    found = await chromium.look_at_executable(program("echo hello"), AMPLE_SECONDS)
    assert (found.version, found.problem) == (None, "it does not tell its version")


@pytest.mark.browser
async def test_a_limit_that_is_too_low_is_told_before_anything_is_started(chromium_path: Path) -> None:
    async with MemoryGuard(MemoryMonitor(MemorySource(cap_bytes=64 << 20))) as guard:
        made = await attempt(chromium_path, guard)
    assert (made.error, made.launch_seconds) == ("LimitTooLow", None)


@pytest.fixture
async def devtools(chromium_path: Path, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a Chromium with open DevTools, which somebody else has started."""
    process = subprocess.Popen(  # noqa: ASYNC220, S603
        [
            chromium_path,
            "--headless",
            "--remote-debugging-port=0",
            f"--user-data-dir={tmp_path / 'profile'}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ],
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stderr is not None
    told = next(line for line in process.stderr if "DevTools listening on ws://" in line)
    yield "http://" + told.split("ws://")[1].partition("/")[0]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.browser
@pytest.mark.processes
async def test_a_browser_elsewhere_is_tried_the_same_way(
    devtools: str, chromium_path: Path, guard: MemoryGuard
) -> None:
    made = await attempt(chromium_path, guard, Endpoint.parse(devtools))
    assert (made.problem, made.is_local, made.sandbox) == (None, False, None)
    assert made.page_seconds is not None


@pytest.mark.browser
async def test_a_browser_elsewhere_that_does_not_answer_is_told_without_its_password(
    chromium_path: Path, guard: MemoryGuard
) -> None:
    made = await attempt(chromium_path, guard, Endpoint.parse("http://ada:secret@127.0.0.1:9"))
    assert made.error == "EndpointUnreachable"
    assert "refused" in str(made.problem)
    assert "secret" not in f"{made}"


def settings_for(dsn: str | None, folder: Path) -> Settings:
    return Settings(database_url=dsn, data_dir=folder)


@pytest.mark.database
async def test_a_database_is_looked_at_and_not_changed(fresh_dsn: str, tmp_path: Path) -> None:
    settings = settings_for(fresh_dsn, tmp_path)
    for _ in range(2):
        seen = await database.look_at_database(settings, AMPLE_SECONDS)
        assert (seen.problem, seen.migrated, seen.may_create, seen.is_read_only) == (None, (), True, False)
        assert database.judge_database(seen).verdict is Verdict.GOOD
    async with Database(fresh_dsn) as migrated:
        seen = await database.look_at_database(settings, AMPLE_SECONDS)
        assert seen.migrated is not None
        assert seen.migrated[-1] == migrated.schema_version
        assert "up to date" in database.judge_database(seen).found
        await migrated.pool.execute("insert into schema_migrations (version, name) values (9999, 'later')")
    seen = await database.look_at_database(settings, AMPLE_SECONDS)
    assert "of version 9999" in database.judge_database(seen).found


@pytest.mark.database
async def test_a_database_in_which_nothing_can_be_written_is_seen_as_such(fresh_dsn: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(fresh_dsn)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f"alter database {name} set default_transaction_read_only = on")
    await connection.close()
    seen = await database.look_at_database(settings_for(fresh_dsn, tmp_path), AMPLE_SECONDS)
    assert seen.is_read_only is True


@pytest.mark.parametrize(
    ("dsn", "says"),
    (
        ("postgresql://ada:secret@127.0.0.1:1/x", "Connection refused"),
        ("postgresql://ada:sec/ret@127.0.0.1/x", "can't be read as an address"),
        ("postgresql://ada:secret@nosuch.invalid/x", "resol|known|name"),
        ("nonsense", "scheme|address|DSN"),
    ),
)
async def test_a_database_that_is_not_there_is_told_without_its_password(dsn: str, says: str, tmp_path: Path) -> None:
    seen = await database.look_at_database(settings_for(dsn, tmp_path), AMPLE_SECONDS)
    assert seen.problem is not None
    assert any(word in seen.problem for word in says.split("|")), seen.problem
    assert "secret" not in f"{seen}"
    assert "ret@" not in f"{seen}"


async def test_a_data_folder_that_can_not_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="ascii")
    seen = await database.look_at_database(settings_for(None, tmp_path / "file" / "below"), AMPLE_SECONDS)
    assert "can't keep a database" in str(seen.problem)


def test_how_a_process_is_confined_is_read_from_what_the_kernel_says(tmp_path: Path) -> None:
    for pid, filters, namespaces in ((os.getpid(), 1, "7"), (4711, 3, "4711 12 1")):
        folder = tmp_path / "proc" / str(pid)
        folder.mkdir(parents=True)
        (folder / "status").write_text(
            f"Name:\tx\nNSpid:\t{namespaces}\nSeccomp:\t2\nSeccomp_filters:\t{filters}\n", encoding="ascii"
        )
    assert sandbox.confinement_of(4711, tmp_path) == sandbox.Confinement(filters=2, namespaces=2)
    assert sandbox.confinement_of(4712, tmp_path) is None


@pytest.mark.parametrize(
    ("name", "value", "is_refusal"),
    (
        ("user/max_user_namespaces", "0", True),
        ("user/max_user_namespaces", "1000", False),
        ("kernel/unprivileged_userns_clone", "0", True),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", True),
        ("kernel/apparmor_restrict_unprivileged_userns", "0", False),
    ),
)
def test_settings_of_the_kernel_that_forbid_namespaces_are_found(
    tmp_path: Path, name: str, value: str, *, is_refusal: bool
) -> None:
    file = tmp_path / "proc/sys" / name
    file.parent.mkdir(parents=True)
    file.write_text(f"{value}\n", encoding="ascii")
    assert sandbox.look_at_sandbox(tmp_path).refusals == (
        (f"{name.replace('/', '.')}={value}",) if is_refusal else ()
    )


@pytest.mark.parametrize(
    ("line", "folder"),
    (("0::/box/own", "sys/fs/cgroup/box"), ("3:pids:/box/own", "sys/fs/cgroup/pids/box")),
)
def test_the_nearest_cgroup_that_limits_processes_counts(tmp_path: Path, line: str, folder: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"9:cpu:/other\n{line}\n", encoding="ascii")
    box = tmp_path / folder
    (box / "own").mkdir(parents=True)
    (box / "own/pids.max").write_text("max\n", encoding="ascii")
    (box / "pids.max").write_text("100\n", encoding="ascii")
    (box / "pids.current").write_text("7\n", encoding="ascii")
    seen = machine.look_at_process_limits(tmp_path)
    assert (seen.cgroup_processes, seen.cgroup_processes_now) == (100, 7)


def test_where_no_cgroup_limits_processes_there_is_no_limit(tmp_path: Path) -> None:
    seen = machine.look_at_process_limits(tmp_path)
    assert (seen.cgroup_processes, seen.cgroup_processes_now) == (None, None)


def a_disk(root: Path, name: str, number: str, kib: str, *, partition: str | None = None) -> None:
    """One below `root`, as the kernel shows it."""
    folder = root / "sys/devices" / name
    (folder / "queue").mkdir(parents=True)
    (folder / "device").mkdir()
    (folder / "queue/read_ahead_kb").write_text(f"{kib}\n")
    if partition is not None:
        (folder / partition).mkdir()
    for place in ("sys/dev/block", "sys/block"):
        (root / place).mkdir(parents=True, exist_ok=True)
    (root / "sys/dev/block" / number).symlink_to(folder / partition if partition else folder)
    (root / "sys/block" / name).symlink_to(folder)


@pytest.mark.parametrize("partition", (None, "sda1"))
def test_the_disk_of_a_program_is_told_from_others_by_its_number(
    tmp_path: Path, guard: MemoryGuard, partition: str | None
) -> None:
    number = Path(__file__).stat().st_dev
    a_disk(tmp_path, "sda", f"{os.major(number)}:{os.minor(number)}", "4096", partition=partition)
    a_disk(tmp_path, "sdb", "250:99", "64")
    found = disk.look_at_disk(guard, Path(__file__), tmp_path)
    assert (found.disks, found.read_ahead_bytes) == (("sda",), 4 << 20)


def test_where_the_disk_of_a_program_is_hidden_by_layers_all_disks_are_looked_at(
    tmp_path: Path, guard: MemoryGuard
) -> None:
    a_disk(tmp_path, "sda", "250:98", "4096")
    a_disk(tmp_path, "sdb", "250:99", "nonsense")
    found = disk.look_at_disk(guard, Path(__file__), tmp_path)
    assert (found.disks, found.read_ahead_bytes) == (("sda",), 4 << 20)


def test_without_a_disk_to_be_seen_nothing_is_known_of_it(tmp_path: Path, guard: MemoryGuard) -> None:
    found = disk.look_at_disk(guard, None, tmp_path)
    assert (found.disks, found.read_ahead_bytes) == ((), None)
