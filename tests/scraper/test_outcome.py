"""What a page turned out to be, decided from evidence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.outcome import Evidence, Outcome, judge, retry_after_seconds

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WALL = (Outcome.LOGIN_WALL, "asks for a login")
GONE = (Outcome.NOT_FOUND, "says so")


@pytest.mark.parametrize(
    ("evidence", "outcome"),
    (
        (Evidence(found=("1", "2")), Outcome.OK),
        (Evidence(found=("1", "2"), expected_id="2"), Outcome.OK),
        (Evidence(found=("1",), expected_id="1", tell_tale=WALL), Outcome.OK),
        (Evidence(found=("1", "2"), expected_id="3"), Outcome.SELECTOR_DRIFT),
        (Evidence(found=("1", "2"), expected_id="3", tell_tale=GONE), Outcome.NOT_FOUND),
        (Evidence(tell_tale=WALL), Outcome.LOGIN_WALL),
        (Evidence(status=403, tell_tale=WALL), Outcome.LOGIN_WALL),
        (Evidence(tell_tale=(Outcome.EMPTY, "nothing here")), Outcome.EMPTY),
        (Evidence(), Outcome.SELECTOR_DRIFT),
        (Evidence(unfit=("post without counts",)), Outcome.SELECTOR_DRIFT),
        (Evidence(status=200, found=("1",)), Outcome.OK),
        (Evidence(status=404, found=("1",)), Outcome.NOT_FOUND),
        (Evidence(status=404), Outcome.NOT_FOUND),
        (Evidence(status=410), Outcome.NOT_FOUND),
        (Evidence(status=401), Outcome.LOGIN_WALL),
        (Evidence(status=403), Outcome.BLOCKED),
        (Evidence(status=429), Outcome.RATE_LIMITED),
        (Evidence(status=451), Outcome.BLOCKED),
        (Evidence(status=503, headers={"retry-after": "5"}), Outcome.RATE_LIMITED),
        (Evidence(status=503), Outcome.INTERSTITIAL),
        (Evidence(status=200, on_site=False), Outcome.INTERSTITIAL),
        (Evidence(status=200, on_site=False, found=("1",)), Outcome.INTERSTITIAL),
        (Evidence(status=200, on_site=False, found=("1",), expected_id="1"), Outcome.INTERSTITIAL),
        (Evidence(status=404, on_site=False), Outcome.INTERSTITIAL),
        (Evidence(on_site=False, tell_tale=(Outcome.EMPTY, "nothing here")), Outcome.INTERSTITIAL),
        (Evidence(on_site=False, tell_tale=WALL), Outcome.LOGIN_WALL),
        (Evidence(busy=True), Outcome.TIMEOUT),
        (Evidence(overdue=True, ready_state="interactive"), Outcome.TIMEOUT),
        (Evidence(overdue=True, ready_state="complete"), Outcome.SELECTOR_DRIFT),
    ),
)
def test_the_evidence_decides(evidence: Evidence, outcome: Outcome) -> None:
    verdict = judge(evidence, NOW)
    assert verdict.outcome is outcome
    assert verdict.reason


@pytest.mark.parametrize(
    ("value", "seconds"),
    (
        ("120", 120.0),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("9" * 400, 86400.0),
        ("999999999999", 86400.0),
        ("Fri, 01 Jan 2999 12:00:00 GMT", 86400.0),
        ("Thu, 01 Jan 2026 12:00:00 +99999999999999999999", None),
        ("0", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ),
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+", fullmatch=True))
def test_whatever_is_written_there_is_a_day_at_most(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or 0 <= seconds <= 86400


def test_a_rate_limit_says_how_long_to_wait() -> None:
    evidence = Evidence(status=429, headers={"retry-after": "30"})
    assert judge(evidence, NOW).retry_after_seconds == 30.0


def test_the_names_of_the_outcomes_are_those_that_the_store_keeps() -> None:
    assert sorted(Outcome) == sorted(
        (
            "ok",
            "empty",
            "not_found",
            "login_wall",
            "consent_wall",
            "rate_limited",
            "blocked",
            "interstitial",
            "selector_drift",
            "timeout",
            "dns_failed",
            "connection_refused",
            "tls_failed",
            "http_error",
            "crashed",
            "denied_by_robots",
            "refused_url",
        )
    )
