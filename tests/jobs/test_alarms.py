"""What is wrong with a job, told from how it has been doing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs import Job
from jobs.alarms import EMPTY_PAGES, EMPTY_RUNS, alarms
from scraper.store.alarms import Health, Overdue
from tests.jobs.hands import fine

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = Job("tidy", 50, 10, fine, pages_give_rows=True, quiet_after=24 * HOUR, stale_after=3 * HOUR)
WELL = Health(NOW, NOW - 100 * HOUR, NOW - HOUR, NOW - HOUR, 0, 0)


@pytest.mark.parametrize(
    ("health", "kinds"),
    (
        (WELL, set()),
        # It was never heard of.
        (Health(NOW, None, None, None, 0, 0), set()),
        (replace(WELL, last_good_at=NOW - 3 * HOUR), set()),
        (replace(WELL, last_good_at=NOW - 4 * HOUR), {"stale"}),
        # It has never ended well; how long it had for that counts from when it was first heard of.
        (Health(NOW, NOW - HOUR, None, None, 0, 0), set()),
        (Health(NOW, NOW - 4 * HOUR, None, None, 0, 0), {"stale"}),
        # For days there was nothing to do.
        (replace(WELL, last_rows_at=NOW - 90 * HOUR), set()),
        (replace(WELL, last_rows_at=NOW - 90 * HOUR, empty_runs=1, empty_pages=1), {"no_rows"}),
        (replace(WELL, last_rows_at=NOW - 2 * HOUR, empty_runs=1, empty_pages=500), set()),
        (replace(WELL, empty_runs=EMPTY_RUNS, empty_pages=EMPTY_PAGES), {"no_rows"}),
        (replace(WELL, empty_runs=EMPTY_RUNS - 1, empty_pages=EMPTY_PAGES), set()),
        (replace(WELL, empty_runs=EMPTY_RUNS, empty_pages=EMPTY_PAGES - 1), set()),
        (Health(NOW, NOW - 30 * HOUR, NOW - HOUR, None, 9, 9), {"no_rows"}),
        (Health(NOW, NOW - 30 * HOUR, None, None, 9, 9), {"no_rows", "stale"}),
    ),
)
def test_an_alarm_is_raised_where_there_is_reason_for_it(health: Health, kinds: set[str]) -> None:
    assert set(alarms(JOB, health)) == kinds


def test_a_job_that_may_find_nothing_on_many_pages_is_given_its_time() -> None:
    finder = replace(JOB, pages_give_rows=False)
    empty = replace(WELL, empty_runs=50, empty_pages=500)
    assert alarms(finder, empty) == {}
    assert set(alarms(finder, replace(empty, last_rows_at=NOW - 25 * HOUR))) == {"no_rows"}


def test_a_job_that_may_be_quiet_for_ever_raises_nothing() -> None:
    job = Job("tidy", 50, 10, fine)
    assert alarms(job, Health(NOW, NOW - 999 * HOUR, None, None, 9, 99)) == {}


@pytest.mark.parametrize(
    ("overdue", "kinds"),
    (
        (None, []),
        (Overdue(0, 0.0), []),
        (Overdue(5, timedelta(hours=2).total_seconds()), []),
        (Overdue(5, timedelta(hours=5).total_seconds()), ["overdue"]),
    ),
)
def test_posts_that_wait_for_too_long_are_an_alarm(overdue: Overdue | None, kinds: list[str]) -> None:
    assert list(alarms(JOB, WELL, overdue)) == kinds


def test_an_alarm_says_since_when_and_for_how_long() -> None:
    ill = Health(NOW, NOW - 100 * HOUR, NOW - 5 * HOUR, NOW - 72 * HOUR, 4, 40)
    assert alarms(JOB, ill, Overdue(7, 5400 * 4.0)) == {
        "stale": "it has not ended well since 2026-03-01 07:00 UTC, for 5.0 hours",
        "no_rows": (
            "it says success, has opened 40 pages in 4 runs, and has written nothing "
            "since 2026-02-26 12:00 UTC, for 3 days"
        ),
        "overdue": "7 posts should have been read by now, the first of them 6.0 hours ago",
    }
