"""`tidegate db`: where the database is, a shell to it, a copy of it that comes back."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from scraper.store.backup import BackupRefused, back_up, connected, restore
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.migrations import migrate, migrations
from scraper.store.schema import drop, made, tables_in, version_of
from tests.tidegate.rows import run_sql

Say = Callable[..., tuple[int, str, str]]

NEWEST = migrations()[-1].version
TEXT = "a\tb\\N\n\"q\" 'a' 😀 \u2028 \\. ü"


@pytest.fixture
def dsn(fresh_dsn: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database of its own, which the commands use."""
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", fresh_dsn)
    return fresh_dsn


@pytest.fixture
async def other_dsn(embedded_postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """Another empty one."""
    maintenance = await asyncpg.connect(embedded_postgres.dsn.replace("/tidegate?", "/postgres?"))
    await maintenance.execute("create database other template template0")
    yield embedded_postgres.dsn.replace("/tidegate?", "/other?")
    await maintenance.execute("drop database other with (force)")
    await maintenance.close()


def fill(dsn: str) -> None:
    """Rows that refer to each other in a circle, odd values, and gaps in the numbers."""
    run_sql(dsn, "insert into job_runs (job, status, finished_at) values ('a', 'success', '2026-01-01Z')")
    run_sql(dsn, "insert into posts (site, post_id, url) select 'x', n::text, 'u' || n from generate_series(1, 3) n")
    run_sql(dsn, "insert into tasks (run, job, payload, at_post) values (1, 'a', '{\"k\": [1, null, \"\\\\\"]}', 2)")
    run_sql(dsn, "update posts set task = 1, due_at = 'infinity', growth = 'NaN' where id = 2")
    run_sql(dsn, "insert into snapshots (post, run, views, warnings) values (1, 1, 9223372036854775807, '[\"w\"]')")
    run_sql(dsn, "delete from posts where id = 3")
    run_sql(dsn, "insert into memory_costs (name, observations) values ('a', '{1,2,3}'), ('', '{}')")
    run_sql(dsn, "insert into field_yields values ('x', 'l', 'k', 'f', '2026-01-02', 3, 2, 1)")
    run_sql(dsn, "insert into targets (site, url) values ('x', 'https://x.com/ada')")
    run_sql(
        dsn,
        "insert into opportunities (site, post_id, url, score, tier, because, target, run, expires_at)"
        " values ('x', '7', 'https://x.com/b/status/7', 0.1, 'hot', 'why', 1, 1, now())",
    )
    run_sql(dsn, "update posts set text = $1 where id = 1", TEXT)


def contents(dsn: str) -> dict[str, Any]:
    """All rows of all tables, as Postgres prints them."""
    found: dict[str, Any] = {}
    query = "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    for table in run_sql(dsn, query):
        name = table["relname"]
        rows = run_sql(dsn, f"select row(one.*)::text as row from {name} one order by 1")  # noqa: S608 a test's own
        found[name] = [row["row"] for row in rows]
    # When a migration was applied is told of this database, and not of what is in it.
    found["schema_migrations"] = len(found.get("schema_migrations", ()))
    return found


@pytest.mark.database
def test_everything_comes_back_and_the_numbers_go_on(
    dsn: str, other_dsn: str, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say("db", "migrate")
    fill(dsn)
    file = tmp_path / "backup.zip"
    code, out, err = say("db", "backup", str(file))
    assert (code, err) == (0, "")
    assert f"schema version {NEWEST}" in out
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["backup.zip"]

    monkeypatch.setenv("TIDEGATE_DATABASE_URL", other_dsn)
    code, out, err = say("db", "restore", str(file))
    assert (code, err) == (0, "")
    assert contents(other_dsn) == contents(dsn)
    query = "insert into posts (site, post_id, url) values ('x', '99', 'u') returning id"
    assert [tuple(row) for row in run_sql(other_dsn, query)] == [(4,)]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        run_sql(other_dsn, "update posts set task = 77 where id = 1")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        run_sql(other_dsn, "update snapshots set views = 1")


@pytest.mark.database
def test_what_is_in_use_is_only_replaced_when_that_is_said(dsn: str, say: Say, tmp_path: Path) -> None:
    say("db", "migrate")
    fill(dsn)
    file = str(tmp_path / "backup.zip")
    say("db", "backup", file)
    before = contents(dsn)
    run_sql(dsn, "insert into posts (site, post_id, url) values ('x', 'later', 'u')")
    run_sql(dsn, "create table of_somebody_else (kept text)")
    run_sql(dsn, "insert into of_somebody_else values ('still here')")
    code, _, err = say("db", "restore", file)
    assert code == 1
    assert "With --replace" in err
    assert run_sql(dsn, "select 1 from posts where post_id = 'later'")
    assert say("db", "restore", "--replace", file)[0] == 0
    assert contents(dsn) == {**before, "of_somebody_else": ['("still here")']}


@pytest.mark.database
@pytest.mark.processes
def test_a_database_that_somebody_uses_is_left_alone(dsn: str, say: Say, tmp_path: Path) -> None:
    say("db", "migrate")
    file = str(tmp_path / "backup.zip")
    say("db", "backup", file)

    async def meanwhile() -> tuple[int, str, str]:
        connection = await asyncpg.connect(dsn, timeout=30)
        try:
            return await asyncio.to_thread(_in_process, "db", "restore", "--replace", file)
        finally:
            await connection.close(timeout=30)

    code, _, err = asyncio.run(meanwhile())
    assert code == 1
    assert "1 other connections are open" in err


def _in_process(*words: str) -> tuple[int, str, str]:
    done = subprocess.run(  # noqa: S603 our own command
        [sys.executable, "-m", "tidegate.cli", *words], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.database
@pytest.mark.parametrize("version", range(1, NEWEST + 1))
async def test_a_backup_of_every_earlier_version_comes_back_up_to_date(
    fresh_dsn: str, other_dsn: str, version: int
) -> None:
    file = io.BytesIO()
    async with connected(fresh_dsn) as connection:
        await migrate(connection, up_to=version)
        await connection.execute("insert into posts (site, post_id, url) values ('x', '1', 'u')")
        assert (await back_up(connection, file)).version == version
    async with connected(other_dsn) as connection:
        done = await restore(connection, file, replace=False)
        assert (done.version, await version_of(connection)) == (version, NEWEST)
        assert await connection.fetchval("select state from posts") == "followed"
        assert await tables_in(connection) == made("table")


@pytest.mark.database
async def test_a_backup_of_a_newer_version_is_refused(fresh_dsn: str) -> None:
    file = await backup_of_one_post(fresh_dsn)
    newer = changed(file, lambda contents: {**contents, "schema_version": NEWEST + 1})
    await refused(fresh_dsn, newer, "upgrade Tidegate first")


@pytest.mark.database
async def test_a_backup_that_is_damaged_changes_nothing(fresh_dsn: str) -> None:
    file = (await backup_of_one_post(fresh_dsn)).getvalue()
    await refused(fresh_dsn, io.BytesIO(file[: len(file) // 2]), "no whole backup")
    await refused(fresh_dsn, io.BytesIO(b"nonsense"), "no whole backup")
    place = file.index(b"tables/posts") + len("tables/posts") + 25
    damaged = file[:place] + bytes(byte ^ 0x55 for byte in file[place : place + 4]) + file[place + 4 :]
    await refused(fresh_dsn, io.BytesIO(damaged), "no whole backup")


@pytest.mark.database
async def test_a_backup_that_is_not_what_it_says_changes_nothing(fresh_dsn: str) -> None:
    file = await backup_of_one_post(fresh_dsn)

    def without_posts(contents: dict[str, Any]) -> dict[str, Any]:
        return {**contents, "tables": {name: one for name, one in contents["tables"].items() if name != "posts"}}

    def with_other_columns(contents: dict[str, Any]) -> dict[str, Any]:
        posts = {**contents["tables"]["posts"], "columns": ["id", 'x" from secrets; --']}
        return {**contents, "tables": {**contents["tables"], "posts": posts}}

    def with_more_rows(contents: dict[str, Any]) -> dict[str, Any]:
        return {**contents, "tables": {**contents["tables"], "posts": {**contents["tables"]["posts"], "rows": 7}}}

    await refused(fresh_dsn, changed(file, without_posts), "do not have the same tables")
    await refused(fresh_dsn, changed(file, with_other_columns), "has other columns in posts")
    await refused(fresh_dsn, changed(file, with_more_rows), "says that posts has 7 rows")
    await refused(fresh_dsn, changed(file, lambda _: {"format": 9}), "no backup that this version")
    await refused(fresh_dsn, changed(file, lambda _: {}), "no backup that this version")


@pytest.mark.database
async def test_rows_that_do_not_fit_together_change_nothing(fresh_dsn: str) -> None:
    async with connected(fresh_dsn) as connection:
        await migrate(connection)
        await connection.execute("alter table snapshots drop constraint snapshots_post_fkey")
        await connection.execute("insert into job_runs (job, status, finished_at) values ('a', 'success', now())")
        await connection.execute("insert into snapshots (post, run) values (77, 1)")
        file = io.BytesIO()
        await back_up(connection, file)
        await connection.execute("truncate snapshots")
        with pytest.raises(BackupRefused, match="does not fit together"):
            await restore(connection, file, replace=True)
        assert await connection.fetchval("select count(*) from job_runs") == 1


async def backup_of_one_post(dsn: str) -> io.BytesIO:
    file = io.BytesIO()
    async with connected(dsn) as connection:
        await migrate(connection)
        await connection.execute("insert into posts (site, post_id, url) values ('x', '1', 'u')")
        await back_up(connection, file)
    return file


async def refused(dsn: str, file: io.BytesIO, says: str) -> None:
    async with connected(dsn) as connection:
        with pytest.raises(BackupRefused, match=says):
            await restore(connection, file, replace=True)
        assert await connection.fetchval("select count(*) from posts") == 1


def changed(file: io.BytesIO, change: Callable[[dict[str, Any]], dict[str, Any]]) -> io.BytesIO:
    """The same archive with other contents."""
    copy = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, json.dumps(change(json.loads(data))) if name == "tidegate.json" else data)
    return copy


@pytest.mark.database
async def test_dropping_takes_all_that_the_migrations_make_and_nothing_else(fresh_dsn: str) -> None:
    everything = "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
    functions = "select count(*) from pg_proc where pronamespace = 'public'::regnamespace"
    async with connected(fresh_dsn) as connection:
        await migrate(connection)
        assert await connection.fetchval(everything) > 0
        await drop(connection)
        assert await connection.fetchval(everything) == 0
        assert await connection.fetchval(functions) == 0


@pytest.mark.database
def test_a_database_without_anything_of_ours_is_not_backed_up(dsn: str, say: Say, tmp_path: Path) -> None:
    code, _, err = say("db", "backup", str(tmp_path / "backup.zip"))
    assert code == 1
    assert "nothing of Tidegate" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.database
def test_a_backup_that_can_not_be_written_leaves_nothing(dsn: str, say: Say, tmp_path: Path) -> None:
    say("db", "migrate")
    code, _, err = say("db", "backup", str(tmp_path / "none" / "backup.zip"))
    assert (code, err.count("\n")) == (1, 1)
    assert "No such file" in err


@pytest.mark.database
def test_what_is_no_file_can_not_be_restored(dsn: str, say: Say, tmp_path: Path) -> None:
    code, _, err = say("db", "restore", str(tmp_path / "none.zip"))
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.database
def test_migrating_says_from_where_to_where(dsn: str, say: Say) -> None:
    assert say("db", "migrate")[1] == f"the schema went from version 0 to {NEWEST}\n"
    assert say("db", "migrate")[1] == f"the schema is up to date, at version {NEWEST}\n"


def test_a_password_is_shown_only_when_that_is_said(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://ada:secret@db.example/x")
    assert say("db", "url") == (0, "postgresql://ada:***@db.example/x\n", "")
    assert say("db", "url", "--show-password")[1] == "postgresql://ada:secret@db.example/x\n"


def test_the_embedded_database_has_an_address_while_it_runs(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_DATA_DIR", str(tmp_path))
    code, out, err = say("db", "url")
    assert code == 0
    assert out.startswith("postgresql://tidegate@/tidegate?host=")
    assert "only while something of Tidegate runs" in err


@pytest.mark.database
@pytest.mark.processes
def test_the_shell_is_psql_on_our_database(dsn: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    say("db", "migrate")
    done = subprocess.run(
        [sys.executable, "-m", "tidegate.cli", "db", "shell"],
        input="\\t on\nselect 'version ' || max(version) from schema_migrations;\n\\q\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"version {NEWEST}" in done.stdout
    assert done.returncode == 0


@pytest.mark.database
@pytest.mark.processes
def test_the_embedded_server_lives_as_long_as_the_shell(
    open_folder: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_folder / "shell"
    monkeypatch.setenv("TIDEGATE_DATA_DIR", str(folder))
    assert say("db", "migrate")[0] == 0
    shell = subprocess.Popen(
        [sys.executable, "-m", "tidegate.cli", "db", "shell"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    for words in ("it is here", "and after a Ctrl-C as well"):
        shell.stdin.write(f"select '{words}';\n")
        while words not in shell.stdout.readline():
            assert shell.poll() is None
        assert EmbeddedPostgres.runs_in(folder)
        os.kill(shell.pid, signal.SIGINT)
    shell.communicate(timeout=60)
    assert shell.returncode == 0
    assert not EmbeddedPostgres.runs_in(folder)
