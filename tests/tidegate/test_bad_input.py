"""What is wrong is told in one line that says what to do, with exit code 2 for usage and 1 for failure."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "text.html").write_text("no markup at all")
    (tmp_path / "binary.html").write_bytes(b"<\0\1\2")
    (tmp_path / "some.html").write_text("<!doctype html><p>a page of no site</p>")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "says"),
    (
        (("scrape",), "Missing argument"),
        (("nonsense",), "No such command"),
        (("scrape", "x.html", "--format", "yaml"), "--format"),
        (("demo", "--posts", "3"), "--posts"),
        (("scrape", "http//x.com/a"), "an address starts with https://"),
        (("scrape", "https://"), "is no web address"),
        (("scrape", "https://a b.example/"), "is no web address"),
        (("scrape", "https://x.com:99999/"), "is no web address"),
        (("scrape", "ftp://"), "is no web address"),
        (("scrape", "{files}/nothing.html"), "there is no file"),
        (("scrape", "{files}"), "can't be read"),
        (("scrape", "{files}/text.html"), "is no saved web page"),
        (("scrape", "{files}/binary.html"), "is no saved web page"),
        (("scrape", "{files}/some.html"), "name it with --site"),
        (("scrape", "{files}/some.html", "--site", "nosuch"), "Known: "),
        (("scrape", "{files}/some.html", "--site", "x", "--url", "x.com"), "is no web address"),
        (("scrape", "ftp://site.example/post/1"), "no site definition reads"),
        (("scrape", "{files}/some.html", "--site", "x", "--timeout", "-1"), "page_seconds"),
        (("scrape", "{files}/some.html", "--site", "x", "--memory-limit-mb", "5"), "memory_limit_mb"),
    ),
)
def test_wrong_usage(say: Say, files: Path, words: tuple[str, ...], says: str) -> None:
    code, out, err = say(*(word.replace("{files}", str(files)) for word in words))
    assert code == 2
    assert says in err
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("name", "value", "says"),
    (
        ("TIDEGATE_CHROMIUM", "/no/chromium", "TIDEGATE_CHROMIUM"),
        ("TIDEGATE_DATABASE_URL", "postgresql://ada:secret@127.0.0.1:1/x", "TIDEGATE_DATABASE_URL"),
        ("TIDEGATE_DATA_DIR", "/proc/nowhere", "TIDEGATE_DATA_DIR"),
        ("TIDEGATE_MEMORY_LIMIT_MB", "128", "raise the limit"),
    ),
)
def test_what_is_missing_on_the_machine(
    say: Say, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    code, _, err = say("demo", "--posts", "10")
    assert code == 1
    assert says in err
    assert "secret" not in err
    assert err.count("\n") == 1


@pytest.mark.database
def test_a_port_in_use(say: Say, monkeypatch: pytest.MonkeyPatch, open_folder: Path) -> None:
    monkeypatch.setenv("TIDEGATE_DATA_DIR", str(open_folder / "cli"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = say("demo", "--posts", "10", "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "is in use; choose another with --port" in err


def test_a_setting_that_is_not_known(say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tidegate.toml").write_text("page_secnds = 3\n")
    monkeypatch.chdir(tmp_path)
    code, _, err = say("site", "list")
    assert (code, "page_secnds" in err) == (2, True)


def test_a_definition_that_is_wrong(say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\ntitel = "Mine"\n')
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(tmp_path))
    code, _, err = say("site", "list")
    assert (code, "mine.toml" in err) == (2, True)


@pytest.mark.processes
def test_a_private_address_is_not_opened(say: Say) -> None:
    code, _, err = say("scrape", "http://127.0.0.1:9/", "--site", "x")
    assert code == 1
    assert "refused_url" in err
    assert "--allow-private" in err
