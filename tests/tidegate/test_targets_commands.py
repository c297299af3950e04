"""`tidegate targets`: what is looked through, and who is left alone, as a person says it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.tidegate.rows import run_sql

pytestmark = pytest.mark.database

Say = Callable[..., tuple[int, str, str]]

NEWEST = "https://news.ycombinator.com/newest"
ADA = "https://x.com/ada"


@pytest.fixture
def dsn(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database of its own, which the commands use."""
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", migrated_dsn)
    return migrated_dsn


def watched(dsn: str) -> dict[str, bool]:
    return {row["url"]: row["is_watched"] for row in run_sql(dsn, "select url, is_watched from targets order by url")}


def test_targets_are_added_and_watched_where_that_is_said(dsn: str, say: Say) -> None:
    assert say("targets", "add", NEWEST) == (0, "1 new, 0 known\n", "")
    assert say("targets", "add", "--watch", ADA, ADA) == (0, "1 new, 0 known\n", "")
    assert watched(dsn) == {NEWEST: False, ADA: True}


def test_adding_again_changes_only_what_is_said(dsn: str, say: Say) -> None:
    say("targets", "add", "--watch", ADA)
    run_sql(dsn, "update targets set due_at = '2030-01-01Z', last_outcome = 'ok'")
    assert say("targets", "add", ADA)[1] == "0 new, 1 known\n"
    assert watched(dsn) == {ADA: True}
    assert say("targets", "add", "--no-watch", ADA)[1] == "0 new, 1 known\n"
    assert watched(dsn) == {ADA: False}
    [row] = run_sql(dsn, "select due_at, last_outcome from targets")
    assert (row["due_at"].year, row["last_outcome"]) == (2030, "ok")


def test_a_target_that_was_held_has_another_chance_when_it_is_added(dsn: str, say: Say) -> None:
    say("targets", "add", ADA)
    run_sql(dsn, "update targets set held_reason = 'ended 3 workers', worker_deaths = 3, failures = 2")
    say("targets", "add", ADA)
    [row] = run_sql(dsn, "select held_reason, worker_deaths, failures from targets")
    assert tuple(row) == (None, 0, 0)


@pytest.mark.parametrize(
    ("url", "says"),
    (
        ("https://x.com/ada/status/1", "`tidegate posts add` follows it"),
        ("https://unknown.example/", "no site definition reads lists of this site"),
        ("nonsense", "no web address"),
        ("http://127.0.0.1/", "--allow-private"),
    ),
)
def test_what_is_no_target_is_refused_and_nothing_is_added(dsn: str, say: Say, url: str, says: str) -> None:
    code, out, err = say("targets", "add", NEWEST, url)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert watched(dsn) == {}


def test_removed_targets_are_gone_and_unknown_ones_are_told(dsn: str, say: Say) -> None:
    say("targets", "add", NEWEST, ADA)
    code, out, err = say("targets", "remove", ADA, "https://x.com/eve", "\0")
    assert (code, out) == (1, "1 removed\n")
    assert "https://x.com/eve: there is no such target" in err
    assert watched(dsn) == {NEWEST: False}


def test_targets_are_listed(dsn: str, say: Say) -> None:
    assert say("targets", "list") == (0, "", "tidegate: there are no targets\n")
    say("targets", "add", NEWEST, ADA)
    assert ADA in say("targets", "list")[1]
    [row] = map(json.loads, say("targets", "list", "--site", "x", "--format", "jsonl")[1].splitlines())
    assert (row["url"], row["is_watched"], row["last_outcome"]) == (ADA, False, None)
    assert "the first 1" in say("targets", "list", "--limit", "1")[2]


def test_authors_are_blocked_and_unblocked_by_their_handles(dsn: str, say: Say) -> None:
    assert say("targets", "block", "@eve", "eve", "bob", "--site", "x") == (0, "2 new, 0 known\n", "")
    assert say("targets", "block", "eve", "--site", "x")[1] == "0 new, 1 known\n"
    lines = say("targets", "blocked", "--format", "jsonl")[1].splitlines()
    assert [(row["site"], row["author"]) for row in map(json.loads, lines)] == [("x", "bob"), ("x", "eve")]
    code, out, err = say("targets", "unblock", "@eve", "mallory", "--site", "x")
    assert (code, out, err) == (1, "1 unblocked\n", "tidegate: mallory: not blocked on x\n")
    assert "eve" not in say("targets", "blocked")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    (
        (("@", "--site", "x"), "is no author"),
        (("a b", "--site", "x"), "is no author"),
        (("a\0", "--site", "x"), "is no author"),
        (("eve", "--site", "nosuch"), "Known: "),
        (("eve",), "--site"),
    ),
)
def test_who_is_no_author_is_not_blocked(dsn: str, say: Say, words: tuple[str, ...], says: str) -> None:
    code, out, err = say("targets", "block", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err
