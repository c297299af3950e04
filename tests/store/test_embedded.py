"""The embedded server: shared by many processes, stopped by the last, however that one ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import asyncpg
import psutil
import pytest

from scraper.store.account import Account
from scraper.store.binaries import PostgresBinaries
from scraper.store.cluster import initialise
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.errors import DatabaseUnavailable


@pytest.fixture(scope="module")
def used_folder(open_folder: Path) -> Path:
    """A folder in which a server has been before: only the first start makes a database."""
    return open_folder / "used"


def runs(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def ended(pid: int) -> None:
    async with asyncio.timeout(20):
        while runs(pid):  # noqa: ASYNC110 no event tells of the end of a process that is not our child
            await asyncio.sleep(0.02)


async def answers(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return bool(await connection.fetchval("select 1") == 1)
    finally:
        await connection.close()


USER = """
import asyncio, sys
from pathlib import Path
from scraper.store.account import Account
from scraper.store.binaries import PostgresBinaries
from scraper.store.cluster import initialise
from scraper.store.embedded import EmbeddedPostgres

async def main():
    async with EmbeddedPostgres(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


class OtherProcess:
    """A process of its own that uses the server of a folder until `leave`, or until it is killed."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", USER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def server_pid(self) -> int:
        assert self.process.stdout is not None
        return next(int(line) for line in self.process.stdout if line.strip().isdigit())

    def leave(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture
def others() -> Iterator[list[OtherProcess]]:
    """The processes that a test has started; none outlives it."""
    some: list[OtherProcess] = []
    yield some
    for one in some:
        one.process.kill()
        one.process.communicate(timeout=30)


@pytest.mark.database
async def test_a_server_is_there_while_it_is_used_and_keeps_what_was_stored(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder) as server:
        pid = server.pid
        assert runs(pid)
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("create table if not exists kept (word text)")
        await connection.execute("insert into kept values ('tide')")
        await connection.close()
    assert not runs(pid)
    assert server.pid is None
    async with EmbeddedPostgres(used_folder) as server:
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("select word from kept") == "tide"
        await connection.close()


@pytest.mark.database
async def test_nobody_but_its_user_can_reach_it(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder) as server:
        assert server.pid is not None
        process = psutil.Process(server.pid)
        assert process.net_connections("inet") == []
        assert process.uids().real != 0
        for name in ("postgres", "socket"):
            assert (used_folder / name).stat().st_mode & 0o077 == 0


@pytest.mark.database
async def test_two_users_share_one_server_and_the_last_one_out_stops_it(
    used_folder: Path, others: list[OtherProcess]
) -> None:
    async with EmbeddedPostgres(used_folder) as mine:
        other = OtherProcess(used_folder)
        others.append(other)
        assert await asyncio.to_thread(other.server_pid) == mine.pid
        pid = mine.pid
    assert pid is not None
    assert await answers(mine.dsn), "the other one still uses it"
    await asyncio.to_thread(other.leave)
    await ended(pid)


@pytest.mark.database
async def test_two_users_within_one_process_share_it_as_well(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder) as first:
        async with EmbeddedPostgres(used_folder) as second:
            assert first.pid == second.pid
        assert await answers(first.dsn)
        pid = first.pid
    assert not runs(pid)


@pytest.mark.processes
async def test_many_who_start_at_once_get_one_server(used_folder: Path, others: list[OtherProcess]) -> None:
    others += [OtherProcess(used_folder) for _ in range(3)]
    pids = {await asyncio.to_thread(other.server_pid) for other in others}
    assert len(pids) == 1
    for other in others:
        await asyncio.to_thread(other.leave)
    await ended(pids.pop())


@pytest.mark.database
async def test_after_sigkill_of_its_only_user_it_stops_and_can_be_started_again(
    used_folder: Path, others: list[OtherProcess]
) -> None:
    other = OtherProcess(used_folder)
    others.append(other)
    pid = await asyncio.to_thread(other.server_pid)
    other.process.send_signal(signal.SIGKILL)
    await ended(pid)
    async with EmbeddedPostgres(used_folder) as server:
        assert await answers(server.dsn)


@pytest.mark.processes
async def test_sigkill_of_one_user_leaves_the_server_to_the_other(
    used_folder: Path, others: list[OtherProcess]
) -> None:
    other = OtherProcess(used_folder)
    others.append(other)
    pid = await asyncio.to_thread(other.server_pid)
    async with EmbeddedPostgres(used_folder) as mine:
        assert mine.pid == pid
        other.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(other.process.wait)
        assert await answers(mine.dsn)
    await ended(pid)


@pytest.mark.database
async def test_a_folder_that_was_removed_under_it_is_left_in_peace(open_folder: Path) -> None:
    async with EmbeddedPostgres(open_folder / "removed") as server:
        pid = server.pid
        assert runs(pid)
        shutil.rmtree(server.folder)
    assert not runs(pid)
    assert not server.folder.exists(), "leaving makes nothing new there"


@pytest.mark.database
@pytest.mark.slow
async def test_who_leaves_a_removed_folder_leaves_a_new_server_in_its_place_alone(
    open_folder: Path, others: list[OtherProcess]
) -> None:
    async with EmbeddedPostgres(open_folder / "replaced") as server:
        old = server.pid
        server.folder.rename(open_folder / "moved away")
        other = OtherProcess(server.folder)
        others.append(other)
        new = await asyncio.to_thread(other.server_pid)
    assert (runs(old), runs(new)) == (False, True)
    await asyncio.to_thread(other.leave)
    await ended(new)


@pytest.mark.database
async def test_after_the_server_itself_was_killed_it_is_started_anew(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder) as server:
        assert server.pid is not None
        pid = server.pid
        os.kill(pid, signal.SIGKILL)
        await ended(pid)
    async with EmbeddedPostgres(used_folder) as server:
        assert server.pid != pid
        assert await answers(server.dsn)


@asynccontextmanager
async def kept_running(server: EmbeddedPostgres) -> AsyncIterator[None]:
    """While this is entered, a server that dies is started anew."""
    keeping = asyncio.create_task(server.keep_running())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def another_than(server: EmbeddedPostgres, pid: int) -> int:
    """Wait until another server is used at the same address, and return its process id."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                if (new := server._used_pid) and new != pid and await answers(server.dsn):
                    return new
            await asyncio.sleep(0.02)


@pytest.mark.database
async def test_a_server_that_is_kept_running_comes_back_at_the_same_address_with_what_was_stored(
    used_folder: Path,
) -> None:
    async with EmbeddedPostgres(used_folder) as server:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("create table if not exists kept_running (word text)")
        await connection.execute("insert into kept_running values ('ebb')")
        await connection.close()
        async with kept_running(server):
            pids = [server.pid]
            for _ in range(2):
                before = pids[-1]
                assert before is not None
                os.kill(before, signal.SIGKILL)
                pids.append(await another_than(server, before))
                connection = await asyncpg.connect(server.dsn)
                assert await connection.fetchval("select distinct word from kept_running") == "ebb"
                await connection.close()
    assert [runs(pid) for pid in pids] == [False] * 3


@pytest.mark.database
@pytest.mark.slow
async def test_a_server_that_was_stopped_by_somebody_else_is_started_anew_as_well(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder) as server, kept_running(server):
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGINT)
        new = await another_than(server, pid)
    assert not runs(new)


@pytest.mark.database
@pytest.mark.slow
async def test_many_who_keep_it_running_start_one_server_and_the_last_of_them_stops_it(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder) as first, kept_running(first):
        async with EmbeddedPostgres(used_folder) as second, kept_running(second):
            pid = first.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            new = await another_than(first, pid)
            async with asyncio.timeout(30):
                while {first._used_pid, second._used_pid} != {new}:  # noqa: ASYNC110 nobody tells when they have moved over
                    await asyncio.sleep(0.02)
        assert await answers(first.dsn), "whoever has left has not taken it along"
        assert first.pid == new
    assert not runs(new)


@pytest.mark.database
async def test_a_server_that_is_not_kept_running_any_more_stays_down(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder) as server:
        async with kept_running(server):
            pid = server.pid
            assert pid is not None
        os.kill(pid, signal.SIGINT)
        await ended(pid)
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await answers(server.dsn)


@pytest.mark.database
async def test_a_pid_that_belongs_to_another_server_today_is_left_alone(
    used_folder: Path, embedded_postgres: EmbeddedPostgres
) -> None:
    async with EmbeddedPostgres(used_folder):
        pass
    assert embedded_postgres.pid is not None
    stale = used_folder / "postgres/postmaster.pid"
    stale.write_text(f"{embedded_postgres.pid}\n{used_folder}/postgres\n", encoding="ascii")
    async with EmbeddedPostgres(used_folder) as server:
        assert server.pid != embedded_postgres.pid
        assert await answers(server.dsn)
        assert await answers(embedded_postgres.dsn)


@pytest.fixture
def long_folder(open_folder: Path) -> Path:
    """Too long for a socket, and with spaces."""
    return open_folder / ("a folder with spaces " * 4) / "and a second one below it"


def socket_folder(server: EmbeddedPostgres) -> Path:
    return Path(unquote(server.dsn.partition("host=")[2].partition("&")[0]))


@pytest.mark.database
async def test_a_folder_with_a_space_and_a_long_path_is_fine_and_leaves_nothing_elsewhere(long_folder: Path) -> None:
    async with EmbeddedPostgres(long_folder) as server:
        assert await answers(server.dsn)
        assert long_folder not in socket_folder(server).parents
    assert not socket_folder(server).exists()


async def test_a_link_that_somebody_has_put_in_the_place_of_the_socket_is_not_followed(
    long_folder: Path, tmp_path: Path
) -> None:
    server = EmbeddedPostgres(long_folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    before = elsewhere.stat()
    socket_folder(server).symlink_to(elsewhere)
    try:
        with pytest.raises(DatabaseUnavailable, match="is a link"):
            async with server:
                pass
    finally:
        socket_folder(server).unlink()
    after = elsewhere.stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)


@pytest.mark.database
async def test_a_folder_named_from_where_one_stands_is_fine(
    used_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(used_folder.parent)
    async with EmbeddedPostgres(Path(used_folder.name)) as server:
        assert await answers(server.dsn)


async def test_a_folder_that_is_a_file_is_said_and_what_to_do(open_folder: Path) -> None:
    file = open_folder / "file"
    file.write_text("not a folder", encoding="ascii")
    with pytest.raises(DatabaseUnavailable, match="TIDEGATE_DATA_DIR") as caught:
        async with EmbeddedPostgres(file / "below"):
            pass
    assert str(file) in str(caught.value)


@pytest.fixture
def closed_folder(open_folder: Path) -> Iterator[Path]:
    """One that only root can enter; it is checked afterwards that it still is."""
    if os.geteuid() != 0:
        pytest.skip("only root hands the server to another user")
    folder = open_folder / "closed"
    folder.mkdir(mode=0o700)
    yield folder
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_as_root_a_folder_that_no_other_user_can_enter_is_said_and_not_opened(closed_folder: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="can't enter"):
        async with EmbeddedPostgres(closed_folder / "data"):
            pass


@pytest.mark.database
async def test_a_database_of_another_version_of_postgres_is_refused_and_left_as_it_is(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder):
        pass
    version = used_folder / "postgres/PG_VERSION"
    real = version.read_text(encoding="ascii")
    version.write_text("9.6\n", encoding="ascii")
    try:
        with pytest.raises(DatabaseUnavailable, match=r"made by Postgres 9\.6"):
            async with EmbeddedPostgres(used_folder):
                pass
    finally:
        version.write_text(real, encoding="ascii")
    async with EmbeddedPostgres(used_folder) as server:
        assert await answers(server.dsn)


@pytest.mark.database
async def test_a_server_that_does_not_start_tells_its_last_words(used_folder: Path) -> None:
    async with EmbeddedPostgres(used_folder):
        pass
    configuration = used_folder / "postgres/postgresql.auto.conf"
    configuration.write_text("no_such_setting = 1\n", encoding="ascii")
    try:
        with pytest.raises(DatabaseUnavailable, match="did not start") as caught:
            async with EmbeddedPostgres(used_folder):
                pass
    finally:
        configuration.write_text("", encoding="ascii")
    assert "postgres.log" in str(caught.value)


@pytest.mark.processes
def test_where_no_data_can_be_made_the_reason_is_told_and_not_that_what_there_was_is_cleaned_up(
    tmp_path: Path,
) -> None:
    initdb = tmp_path / "initdb"
    said = ("creating subdirectories ...", "FATAL: could not write: No space left on device", "initdb: removing data")
    initdb.write_text("#!/bin/sh\n" + "\n".join(f"echo '{line}' >&2" for line in said) + "\nexit 1\n")
    initdb.chmod(0o755)
    with pytest.raises(DatabaseUnavailable, match=r"in .*data: FATAL: could not write: No space left on device$"):
        initialise(PostgresBinaries(tmp_path, "18.6"), tmp_path / "data", Account(None, None))
