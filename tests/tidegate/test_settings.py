"""Flags over environment over file over defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser_pool import Endpoint
from tidegate.errors import BadSetting
from tidegate.program import pool_settings
from tidegate.settings import load_settings


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_origin_goes_before_the_next(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    assert load_settings().page_seconds == 20
    (elsewhere / "tidegate.toml").write_text("page_seconds = 5\nmax_contexts = 3\n")
    assert load_settings().page_seconds == 5
    monkeypatch.setenv("TIDEGATE_PAGE_SECONDS", "7")
    assert load_settings().page_seconds == 7
    assert load_settings(page_seconds=9.0).page_seconds == 9
    assert load_settings().max_contexts == 3


def test_a_flag_that_was_not_given_says_nothing(elsewhere: Path) -> None:
    (elsewhere / "tidegate.toml").write_text("max_contexts = 3\n")
    assert load_settings(max_contexts=None).max_contexts == 3


@pytest.mark.parametrize(
    ("name", "value"),
    (("max_contexts", 0), ("page_seconds", -1.0), ("memory_limit_mb", 1), ("page_seconds", float("nan"))),
)
def test_what_is_out_of_range_is_refused_and_not_bent(name: str, value: float) -> None:
    with pytest.raises(BadSetting, match=name):
        load_settings(**{name: value})


def test_browsers_are_on_this_machine_unless_others_are_named(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path
) -> None:
    assert load_settings().browsers == (Endpoint(),)
    (elsewhere / "tidegate.toml").write_text('browsers = ["local", "ws://playwright:3000/"]\n')
    assert load_settings().browsers == (Endpoint(), Endpoint.parse("ws://playwright:3000/"))
    monkeypatch.setenv("TIDEGATE_BROWSERS", "http://ada:secret@chromium:9222, local")
    named = (Endpoint.parse("http://ada:secret@chromium:9222"), Endpoint())
    assert load_settings().browsers == named
    assert pool_settings(load_settings()).endpoints == named


@pytest.mark.parametrize(
    ("value", "says"),
    (
        ("", "a place is empty"),
        ("local,,local", "a place is empty"),
        ("local,local", "local is named twice"),
        ("chromium:9222", "no place for a browser"),
        ("ftp://ada:secret@chromium", "'ftp://chromium' is no place for a browser"),
        ("http://ada:secret@chromium:99999/?token=secret", "no place for a browser"),
        ("http://ada:secret@[::1", "no place for a browser"),
    ),
)
def test_a_place_for_a_browser_that_is_none_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch, value: str, says: str
) -> None:
    monkeypatch.setenv("TIDEGATE_BROWSERS", value)
    with pytest.raises(BadSetting, match="browsers") as caught:
        load_settings()
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ("5", "[]", "[5]", "{a = 1}", "true"))
def test_browsers_of_another_kind_than_a_list_are_refused(elsewhere: Path, value: str) -> None:
    (elsewhere / "tidegate.toml").write_text(f"browsers = {value}\n")
    with pytest.raises(BadSetting, match="browsers"):
        load_settings()
