"""Secrets from files: `/run/secrets`, or wherever `TIDEGATE_SECRETS_DIR` says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.store.database import Database
from scraper.store.errors import DatabaseUnavailable
from tidegate.configuration import HIDDEN
from tidegate.errors import BadSetting
from tidegate.secret_files import USUAL
from tidegate.settings import FILE, load_settings

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_SECRETS_DIR", str(folder))
    return folder


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"tidegate_{name}").write_text(text, encoding="utf-8")


def test_a_file_is_a_setting_of_any_kind_without_the_line_end(secrets: Path) -> None:
    write(
        secrets, openai_key="hunter2\n", drain_seconds="7\n", topics='["tides"]', browsers="local,http://chromium:1"
    )
    (secrets / "somebody_elses").write_text("x", encoding="utf-8")
    (secrets / "tidegate_folder").mkdir()
    settings = load_settings()
    assert settings.openai_key is not None
    assert settings.openai_key.get_secret_value() == "hunter2"
    assert (settings.drain_seconds, settings.topics, len(settings.browsers)) == (7.0, ("tides",), 2)


def test_flags_and_variables_go_before_it_and_it_goes_before_the_settings_file(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(FILE).write_text("page_seconds = 1\n", encoding="utf-8")
    assert load_settings().page_seconds == 1
    write(secrets, page_seconds="2")
    assert load_settings().page_seconds == 2
    monkeypatch.setenv("TIDEGATE_PAGE_SECONDS", "3")
    assert load_settings().page_seconds == 3
    assert load_settings(page_seconds=4.0).page_seconds == 4


def test_the_settings_file_may_say_where_they_are(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEGATE_SECRETS_DIR")
    Path(FILE).write_text(f"secrets_dir = {json.dumps(str(secrets))}\n", encoding="utf-8")
    write(secrets, page_seconds="2")
    assert load_settings().page_seconds == 2


def test_the_usual_folder_need_not_be_there_and_another_must(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TIDEGATE_SECRETS_DIR")
    assert load_settings().secrets_dir == USUAL
    monkeypatch.setenv("TIDEGATE_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(BadSetting, match=r"nowhere.*can't be read"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    (
        ("databse_url", b"postgresql://a@b/c", "there is no setting databse_url"),
        ("openai_key", b" \n", "is empty"),
        ("openai_key", b"\xff\xfe", "is no text"),
        ("openai_key", b"hunter2\0hunter2", "zero byte"),
        ("openai_key", b"x" * ((1 << 20) + 1), "larger than"),
        ("DATABASE_URL", b"postgresql://a@b/c", "there is no setting DATABASE_URL"),
    ),
)
def test_a_file_that_can_not_be_meant_is_refused_and_named(
    secrets: Path, name: str, content: bytes, says: str
) -> None:
    (secrets / f"tidegate_{name}").write_bytes(content)
    with pytest.raises(BadSetting, match=says) as caught:
        load_settings()
    assert f"tidegate_{name}" in str(caught.value)


@pytest.mark.parametrize("kind", ("folder", "pipe", "device", "link to nothing", "link to itself"))
def test_what_is_no_file_is_refused_and_not_waited_for(secrets: Path, kind: str) -> None:
    place = secrets / "tidegate_openai_key"
    make: dict[str, Callable[[], object]] = {
        "folder": place.mkdir,
        "pipe": lambda: os.mkfifo(place),
        "device": lambda: place.symlink_to("/dev/zero"),
        "link to nothing": lambda: place.symlink_to("nowhere"),
        "link to itself": lambda: place.symlink_to(place.name),
    }
    make[kind]()
    with pytest.raises(BadSetting, match=r"openai_key.*(is no file|can't be read)"):
        load_settings()


def test_a_mark_at_its_beginning_and_the_links_of_a_cluster_make_no_difference(secrets: Path) -> None:
    (secrets / "..1").mkdir()
    (secrets / "..1" / "tidegate_openai_key").write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    (secrets / "..data").symlink_to("..1")
    (secrets / "tidegate_openai_key").symlink_to("..data/tidegate_openai_key")
    key = load_settings().openai_key
    assert key is not None
    assert key.get_secret_value() == "hunter2"


def test_a_name_in_capitals_is_told_and_not_passed_over(secrets: Path) -> None:
    (secrets / "TIDEGATE_openai_key").write_text("hunter2", encoding="utf-8")
    with pytest.raises(BadSetting, match="its name is tidegate_openai_key"):
        load_settings()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(secrets: Path) -> None:
    write(secrets, openai_key="hunter2")
    (secrets / "tidegate_openai_key").chmod(0)
    with pytest.raises(BadSetting, match="can't be read"):
        load_settings()


def test_a_value_that_is_refused_is_not_shown_if_it_comes_from_a_file(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(secrets, max_contexts="hunter2")
    with pytest.raises(BadSetting, match="max_contexts") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("TIDEGATE_MAX_CONTEXTS", "many")
    with pytest.raises(BadSetting, match="many"):
        load_settings()


def test_a_password_goes_into_the_address_as_it_is(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://ada@db/tidegate")
    write(secrets, database_password="a&b %/?#ü\n")
    assert load_settings().database_url == "postgresql://ada@db/tidegate?password=a%26b%20%25%2F%3F%23%C3%BC"
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://ada@db/tidegate?sslmode=require")
    assert str(load_settings().database_url).count("?") == 1


def test_a_password_for_no_database_is_refused(secrets: Path) -> None:
    write(secrets, database_password="hunter2")
    with pytest.raises(BadSetting, match="database_url, and there is none") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_it_is_told_where_a_secret_comes_from_and_never_what_it_is(
    secrets: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://ada@db/tidegate")
    monkeypatch.setenv("TIDEGATE_DRAIN_SECONDS", "3")
    write(secrets, database_password="hunter2", dashboard_token="hunter2", drain_seconds="4")
    code, out, err = say("config", "show", "--format", "json")
    assert code == 0, err
    found = {row["name"]: (row["value"], row["origin"]) for row in json.loads(out)}
    assert "hunter2" not in out
    assert found["dashboard_token"] == (HIDDEN, f"file {secrets / 'tidegate_dashboard_token'}")
    assert found["database_password"] == (HIDDEN, f"file {secrets / 'tidegate_database_password'}")
    assert found["database_url"] == ("postgresql://ada@db/tidegate?password=***", "TIDEGATE_DATABASE_URL")
    assert found["drain_seconds"][1] == "TIDEGATE_DRAIN_SECONDS"


@pytest.mark.database
async def test_a_database_that_asks_for_a_password_gets_the_one_of_the_file(
    secrets: Path, migrated_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", migrated_dsn.replace("tidegate@", "ada@"))
    async with Database(migrated_dsn) as database:
        await database.pool.execute("create role ada login superuser password 'a&b ü'")
        rules = Path(await database.pool.fetchval("show hba_file"))
        trusting = put_first(rules, "local all ada scram-sha-256\n")
        try:
            await database.pool.execute("select pg_reload_conf()")
            write(secrets, database_password="wrong")
            with pytest.raises(DatabaseUnavailable, match="password authentication failed"):
                await Database(str(load_settings().database_url)).__aenter__()
            write(secrets, database_password="a&b ü\n")
            async with Database(str(load_settings().database_url)) as asked:
                assert await asked.pool.fetchval("select current_user") == "ada"
        finally:
            put(rules, trusting)
            await database.pool.execute("select pg_reload_conf()")
            await database.pool.execute("drop owned by ada; drop role ada")


def put_first(path: Path, line: str) -> str:
    """Write a line before what a file has; returns what it had."""
    text = path.read_text(encoding="utf-8")
    put(path, line + text)
    return text


def put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
