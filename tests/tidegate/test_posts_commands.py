"""`tidegate posts`: what is followed, as a person says it."""

from __future__ import annotations

import csv
import io
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.addresses import AddressPolicy
from scraper.definitions import Definitions
from tests.tidegate.rows import run_sql
from tidegate.following import Place, Refused, post_at
from tidegate.url_lists import ListReader

Say = Callable[..., tuple[int, str, str]]

ONE = "https://news.ycombinator.com/item?id=1"
TWO = "https://x.com/ada/status/2"
NO_POST = "https://x.com/home"


def followed(dsn: str) -> list[tuple[str, str, str]]:
    found = run_sql(dsn, "select site, post_id, state from posts order by site, post_id")
    return [(row["site"], row["post_id"], row["state"]) for row in found]


@pytest.fixture(autouse=True)
def _every_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a name server, and a database is connected to by its number."""
    real = socket.getaddrinfo

    def look_up(host: str, *more: object, **named: object) -> object:
        return real("127.0.0.1" if host else host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def dsn(emptied_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database of its own, which the commands use."""
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", emptied_dsn)
    return emptied_dsn


@pytest.fixture
def import_(say: Say, tmp_path: Path) -> Callable[[bytes], tuple[int, str, str]]:
    """Import a list that holds these bytes."""

    def run(content: bytes) -> tuple[int, str, str]:
        (tmp_path / "list.csv").write_bytes(content)
        return say("posts", "import", str(tmp_path / "list.csv"))

    return run


Import = Callable[[bytes], tuple[int, str, str]]


@pytest.mark.database
def test_posts_are_followed_by_their_addresses(dsn: str, say: Say) -> None:
    assert say("posts", "add", ONE, TWO) == (0, "2 new, 0 known, 0 refused (hackernews 1, x 1)\n", "")
    assert followed(dsn) == [("hackernews", "1", "followed"), ("x", "2", "followed")]
    assert say("posts", "add", "https://twitter.com/eve/status/2?s=20")[1].startswith("0 new, 1 known, 0 refused")


@pytest.mark.database
def test_a_name_that_nobody_knows_is_told_and_followed_all_the_same(
    dsn: str, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = socket.getaddrinfo

    def look_up(host: str, *more: object, **named: object) -> object:
        if host == "blog.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    code, out, err = say("posts", "add", "https://blog.example/a", "https://blog.example/b")
    assert (code, out) == (0, "2 new, 0 known, 0 refused (generic 2)\n")
    assert err == "tidegate: blog.example: no such name is known now; its posts are followed all the same\n"


@pytest.mark.database
def test_one_bad_address_and_nothing_is_added(dsn: str, say: Say) -> None:
    code, out, err = say("posts", "add", ONE, NO_POST, "nonsense")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{NO_POST}: an address of X, but not of a single post" in err
    assert "nonsense: this is no web address" in err
    assert followed(dsn) == []


@pytest.mark.database
def test_bad_addresses_can_be_skipped(dsn: str, say: Say) -> None:
    code, out, err = say("posts", "add", "--skip-bad", ONE, NO_POST)
    assert (code, out) == (0, "1 new, 0 known, 1 refused (hackernews 1)\n")
    assert NO_POST in err
    assert say("posts", "add", "--skip-bad", NO_POST)[1] == "0 new, 0 known, 1 refused\n"


@pytest.mark.database
def test_the_same_id_on_another_host_is_another_post_and_never_takes_its_place(dsn: str, say: Say) -> None:
    here, there = "https://meta.discourse.org/t/tides/12", "https://discuss.python.org/t/harbours/12"
    assert say("posts", "add", here, "https://meta.discourse.org/t/other-title/12", "--site", "discourse")[0] == 0
    code, out, err = say("posts", "add", there, ONE, "--site", "discourse")
    assert code == 2
    code, out, err = say("posts", "add", there, "https://discuss.python.org/t/quays/13", "--site", "discourse")
    assert (code, out) == (1, "1 new, 0 known, 1 refused (discourse 1)\n")
    assert f"{there}: discourse: 12 is a post on meta.discourse.org" in err
    [row] = run_sql(dsn, "select url from posts where post_id = '12'")
    assert "meta.discourse.org" in row["url"]


@pytest.mark.database
def test_a_private_address_has_to_be_allowed(dsn: str, say: Say) -> None:
    local = "http://127.0.0.1:8080/@ada/7"
    code, _, err = say("posts", "add", "--site", "mastodon", local)
    assert code == 2
    assert "--allow-private" in err
    assert say("posts", "add", "--site", "mastodon", "--allow-private", local)[0] == 0
    assert followed(dsn) == [("mastodon", "7", "followed")]


@pytest.mark.database
def test_a_removed_post_keeps_its_snapshots_and_is_followed_again_when_it_is_added(dsn: str, say: Say) -> None:
    say("posts", "add", ONE, TWO)
    code, out, err = say("posts", "remove", "https://twitter.com/other/status/2")
    assert (code, out, err) == (0, "1 removed; what was read of them is kept\n", "")
    assert followed(dsn) == [("hackernews", "1", "followed"), ("x", "2", "paused")]
    say("posts", "add", TWO)
    assert followed(dsn) == [("hackernews", "1", "followed"), ("x", "2", "followed")]


@pytest.mark.database
def test_removing_what_is_not_followed_is_told_and_the_others_are_removed(dsn: str, say: Say) -> None:
    say("posts", "add", ONE)
    code, out, err = say("posts", "remove", ONE, TWO)
    assert (code, out) == (1, "1 removed; what was read of them is kept\n")
    assert f"{TWO}: no such post is followed" in err


@pytest.mark.database
def test_a_table_is_imported_by_its_column_url(dsn: str, import_: Import) -> None:
    code, out, err = import_(b'name,URL,note\r\n"a, b","%s","two\r\nlines"\r\n,%s\r\n' % (ONE.encode(), TWO.encode()))
    assert (code, out, err) == (0, "2 new, 0 known, 0 refused (hackernews 1, x 1)\n", "")


@pytest.mark.database
@pytest.mark.parametrize("separator", (b",", b";", b"\t"))
def test_a_table_of_a_spreadsheet_is_understood(dsn: str, import_: Import, separator: bytes) -> None:
    table = b"\xef\xbb\xbf" + separator.join((b"title", b" url ")) + b"\n" + separator.join((b"a", ONE.encode()))
    assert import_(table)[1] == "1 new, 0 known, 0 refused (hackernews 1)\n"


@pytest.mark.database
def test_a_list_has_an_address_a_line(dsn: str, import_: Import) -> None:
    assert import_(f"\n  {ONE}\n\n{TWO}".encode())[1] == "2 new, 0 known, 0 refused (hackernews 1, x 1)\n"


@pytest.mark.database
def test_bad_lines_lose_nothing_else_and_are_named(dsn: str, import_: Import) -> None:
    lines = [
        b"url,note",
        ONE.encode(),
        b"nonsense",
        b",empty",
        b"https://x.com/\xff/status/9",
        TWO.encode(),
        b"x,y,z",
    ]
    code, out, err = import_(b"\n".join(lines))
    assert (code, out) == (1, "2 new, 0 known, 4 refused (hackernews 1, x 1)\n")
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["line 3", "line 4", "line 5", "line 7"]


@pytest.mark.database
def test_a_quote_that_is_never_closed_takes_no_lines_before_it(dsn: str, import_: Import) -> None:
    code, out, err = import_(f'url\n{ONE}\n{TWO}\n"https://x.com/a/status/3\nhttps://x.com/a/status/4\n'.encode())
    assert (code, out) == (1, "2 new, 0 known, 1 refused (hackernews 1, x 1)\n")
    assert "line 4" in err


@pytest.mark.database
def test_many_bad_lines_are_counted_and_the_first_are_shown(dsn: str, import_: Import) -> None:
    code, out, err = import_(b"nonsense\n" * 1000 + ONE.encode())
    assert (code, out) == (1, "1 new, 0 known, 1,000 refused (hackernews 1)\n")
    assert "and 980 more were refused" in err
    assert err.count("\n") == 21


@pytest.mark.database
def test_importing_again_adds_nothing(dsn: str, import_: Import) -> None:
    content = "".join(f"https://x.com/a/status/{number}\n" for number in range(1, 1201)).encode()
    assert import_(content)[1] == "1,200 new, 0 known, 0 refused (x 1,200)\n"
    assert import_(content)[1] == "0 new, 1,200 known, 0 refused (x 1,200)\n"


@pytest.mark.database
def test_what_was_exported_can_be_imported(dsn: str, say: Say, import_: Import) -> None:
    say("posts", "add", ONE, TWO)
    table = say("export", "posts")[1]
    assert import_(table.encode())[1] == "0 new, 2 known, 0 refused (hackernews 1, x 1)\n"


@pytest.mark.database
@pytest.mark.parametrize(
    ("content", "says"),
    (
        (b"link,title\nhttps://x.com/a/status/1,a\n", "without a column 'url'"),
        ("url\nhttps://x.com/a/status/1".encode("utf-16"), "save the list as UTF-8"),
        (b"PK\3\4\0\0\0", "save the list as UTF-8"),
        (b"x" * (2 << 20), "this is no list of addresses"),
    ),
)
def test_what_is_no_list_is_refused(dsn: str, import_: Import, content: bytes, says: str) -> None:
    code, out, err = import_(content)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


@pytest.mark.database
@pytest.mark.processes
def test_a_list_comes_in_through_a_pipe(dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidegate.cli", "posts", "import", "-"],
        input=f"{ONE}\n{TWO}\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "2 new, 0 known, 0 refused (hackernews 1, x 1)\n")


@pytest.mark.database
def test_the_list_is_printed_in_every_format(dsn: str, say: Say) -> None:
    say("posts", "add", ONE, TWO)
    table = say("posts", "list")[1]
    assert ONE in table
    assert "last read at" not in table
    [first, second] = json.loads(say("posts", "list", "--format", "json")[1])
    assert (first["url"], first["state"], first["last_read_at"], second["site"]) == (ONE, "followed", None, "x")
    lines = say("posts", "list", "--format", "jsonl")[1].splitlines()
    assert [json.loads(line) for line in lines] == [first, second]
    table = say("posts", "list", "--format", "csv")[1]
    assert [row["url"] for row in csv.DictReader(io.StringIO(table, newline=""))] == [ONE, TWO]


@pytest.mark.database
def test_the_list_shows_what_was_asked_for(dsn: str, say: Say) -> None:
    say("posts", "add", *(f"https://x.com/a/status/{number}" for number in range(1, 6)))
    run_sql(dsn, "update posts set state = 'given_up', state_reason = 'failed 9 times' where post_id = '1'")
    run_sql(dsn, "update posts set state = 'held' where post_id = '2'")
    run_sql(dsn, "update posts set state = 'paused' where post_id = '3'")
    run_sql(dsn, "update posts set due_at = now() + interval '1 day' where post_id = '4'")
    for flag, ids in (("--given-up", "1"), ("--held", "2"), ("--paused", "3"), ("--due", "5")):
        lines = say("posts", "list", flag, "--format", "jsonl")[1].splitlines()
        assert [json.loads(line)["post_id"] for line in lines] == [ids]
    assert "failed 9 times" in say("posts", "list", "--given-up")[1]
    code, out, err = say("posts", "list", "--limit", "2", "--format", "jsonl")
    assert (code, len(out.splitlines())) == (0, 2)
    assert "the first 2" in err
    assert say("posts", "list", "--site", "y") == (0, "", "tidegate: there are no such posts\n")
    assert say("posts", "list", "--due", "--held")[0] == 2


def test_a_machine_without_a_database_is_told_and_gets_none(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_DATA_DIR", str(tmp_path / "none"))
    code, _, err = say("posts", "list")
    assert code == 1
    assert "there is no database yet" in err
    assert not (tmp_path / "none").exists()


@pytest.mark.database
def test_bytes_that_are_no_text_are_no_site(dsn: str, say: Say) -> None:
    for words in (("posts", "list"), ("export", "posts"), ("targets", "blocked"), ("targets", "unblock", "eve")):
        code, out, err = say(*words, "--site", "a\udcff")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "it holds what is in no name" in err


@given(st.lists(st.sampled_from((ONE, TWO, "", "nonsense", '"', "ü,😀", "\r")), max_size=8), st.binary(max_size=9))
def test_a_list_says_the_same_however_its_bytes_are_cut(lines: list[str], more: bytes) -> None:
    data = b"url,note\n" + "\n".join(lines).encode() + more.replace(b"\0", b"")
    at_once, by_byte = ListReader(), ListReader()
    whole = at_once.feed(data) + at_once.end()
    pieces = [by_byte.feed(data[place : place + 1]) for place in range(len(data))]
    assert [entry for piece in pieces for entry in piece] + by_byte.end() == whole
    assert all(1 < entry.line <= data.count(b"\n") + 1 for entry in whole)


BUILTIN = Definitions.builtin()


@pytest.mark.parametrize(
    ("url", "says"),
    (
        ("", "no web address"),
        ("x.com/a/status/1", "no web address"),
        ("https://x.com/a/status/1\0", "no web address"),
        ("https://x.com/a b/status/1", "no web address"),
        ("https://x.com/\udcff/status/1", "no web address"),
        ("https://[oops/status/1", "no web address"),
        ("ftp://x.com/a/status/1", "only http and https"),
        ("https://x.com:99999/a/status/1", "not an address"),
        ("http://169.254.169.254/latest", "private"),
        ("https://x.com/a/status/1" + "0" * 3000, "longer than 2,000 bytes"),
        (NO_POST, "not of a single post"),
    ),
)
def test_what_is_no_post_is_refused_with_why(url: str, says: str) -> None:
    found = post_at(url, BUILTIN, site=None, policy=AddressPolicy())
    assert isinstance(found, Refused)
    assert says in found.reason
    assert str(found).isprintable()


@given(st.text())
def test_no_text_is_taken_for_more_than_it_is(text: str) -> None:
    found = post_at(f"https://x.com/{text}", BUILTIN, site=None, policy=AddressPolicy())
    if isinstance(found, Place):
        assert found.post_id
        assert "\0" not in found.url
        assert found.url.encode()
    assert str(found)
