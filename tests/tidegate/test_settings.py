"""Flags over environment over file over defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.errors import BadSetting
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
