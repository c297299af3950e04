"""Moments as sites print them, or hide them in ids."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.values.times import read_moment

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
X_BEGAN = 1288834974657


def read(text: str, zone: str | None = None, id_time_from: int | None = None) -> datetime | None:
    moment = read_moment(text, now=None, zone=zone, id_time_from=id_time_from)
    return moment.exact if moment else None


@pytest.mark.parametrize(
    "text",
    ("2026-01-02T12:00:00Z", "2026-01-02T12:00:00.000Z", "2026-01-02T13:00:00+01:00", " 2026-01-02T12:00:00Z "),
)
def test_a_moment_is_in_utc_whatever_zone_it_was_printed_in(text: str) -> None:
    moment = read(text)
    assert moment == NOON
    assert moment.tzinfo is UTC


def test_a_time_without_a_zone_is_unknown_unless_the_site_is_known_to_mean_utc() -> None:
    assert read("2026-01-02T12:00:00") is None
    assert read("2026-01-02T12:00:00", zone="UTC") == NOON


def test_an_id_that_begins_with_its_time_gives_it_to_the_second() -> None:
    moment = read("1222907250383245320", id_time_from=X_BEGAN)
    assert moment == datetime(2020, 1, 30, 15, 39, 43, tzinfo=UTC)


def test_an_id_from_before_ids_held_a_time_gives_none() -> None:
    assert read("20", id_time_from=X_BEGAN) is None
    assert read("29700859246", id_time_from=X_BEGAN) is None


@given(st.text(max_size=40), st.sampled_from([None, "UTC"]), st.sampled_from([None, X_BEGAN]))
def test_no_text_raises_and_every_moment_has_a_zone(text: str, zone: str | None, id_time_from: int | None) -> None:
    moment = read(text, zone=zone, id_time_from=id_time_from)
    assert moment is None or moment.tzinfo is UTC
