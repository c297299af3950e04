from __future__ import annotations

from datetime import timedelta

import pytest

from tidegate.demo import NOW
from tidegate.demo.pages import abbreviated, age, plural


@pytest.mark.parametrize(
    ("count", "shown"),
    (
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (1099, "1K"),
        (1299, "1.2K"),
        (7890, "7.8K"),
        (99_999, "99.9K"),
        (100_000, "100K"),
        (999_999, "999K"),
        (1_250_000, "1.2M"),
        (3_000_000_000, "3B"),
    ),
)
def test_a_count_is_shortened_and_never_rounded_up(count: int, shown: str) -> None:
    assert abbreviated(count) == shown


@pytest.mark.parametrize(
    ("passed", "shown"),
    (
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=59), "59m"),
        (timedelta(hours=23), "23h"),
        (timedelta(days=6), "6d"),
        (timedelta(days=7), "Feb 22, 2026"),
    ),
)
def test_an_age_is_told_in_its_largest_unit_and_after_a_week_as_a_date(passed: timedelta, shown: str) -> None:
    assert age(NOW - passed, NOW) == shown


def test_one_reply_is_singular_and_two_are_not() -> None:
    assert [plural(count, "reply") for count in (0, 1, 2)] == ["0 replies", "1 reply", "2 replies"]
    assert plural(1, "view") == "1 view"
