"""What a job is: how often its tasks are tried, and after which pauses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_fixed, wait_none

from jobs import PutOff, Retry


@pytest.mark.parametrize(
    ("attempts", "failures", "pause"),
    (
        (3, 1, timedelta(seconds=7)),
        (3, 2, timedelta(seconds=7)),
        (3, 3, None),
        (3, 4, None),
        (1, 1, None),
    ),
)
def test_what_fails_is_tried_as_often_as_its_job_says(attempts: int, failures: int, pause: timedelta | None) -> None:
    assert Retry(attempts, wait_fixed(7)).pause(failures) == pause


def test_no_pause_is_a_pause_all_the_same() -> None:
    assert Retry(2, wait_none()).pause(1) == timedelta(0)


@given(st.integers(1, 10_000))
def test_pauses_grow_up_to_a_bound(failures: int) -> None:
    pause = Retry(attempts=1 << 30).pause(failures)
    assert pause is not None
    assert timedelta(seconds=5) <= pause <= timedelta(seconds=300)


def test_what_is_put_off_says_why_and_for_how_long() -> None:
    put_off = PutOff("no lease", timedelta(seconds=3))
    assert (str(put_off), put_off.reason, put_off.pause) == ("no lease", "no lease", timedelta(seconds=3))
