"""When a job runs: read as people write it, bounded, and right when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.schedule import LEAST, MOST, UNITS, BadSchedule, Schedule

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 made aware
chances = st.floats(0, 1)
spans = st.integers(1, int(MOST.total_seconds())).map(lambda seconds: timedelta(seconds=seconds))
jitters = st.just(timedelta(0)) | spans
crons = st.sampled_from(
    ("0 7 * * *", "*/20 * * * *", "30 2 * * *", "0 0 29 2 *", "15 3 * * mon-fri", "5,35 8-20 1 * *")
)
zones = st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"))
schedules = st.builds(lambda every, jitter: Schedule(every=every, jitter=jitter), spans, jitters) | st.builds(
    lambda cron, zone, jitter: Schedule(cron=cron, zone=zone, jitter=jitter), crons, zones, jitters
)


@given(schedules)
def test_what_a_schedule_says_of_itself_is_read_as_the_same(schedule: Schedule) -> None:
    assert Schedule.parse(str(schedule)) == schedule


@given(st.integers(1, 300), st.sampled_from(sorted(UNITS)), st.sampled_from(("", " ", "   ")))
def test_every_unit_is_read_with_a_space_and_without(count: int, unit: str, space: str) -> None:
    assert Schedule.parse(f"every {count}{space}{unit}") == Schedule(every=timedelta(seconds=count * UNITS[unit]))


@pytest.mark.parametrize(
    ("rule", "schedule"),
    (
        ("every 20m", Schedule(every=timedelta(minutes=20))),
        ("  every   1.5h  jitter 90s ", Schedule(every=timedelta(minutes=90), jitter=timedelta(seconds=90))),
        ("cron 0 7 * * *", Schedule(cron="0 7 * * *")),
        ("cron 0 7 * * * in Europe/Berlin", Schedule(cron="0 7 * * *", zone="Europe/Berlin")),
        (
            "cron 0  7 * * mon in Europe/Berlin jitter 5 min",
            Schedule(cron="0 7 * * mon", zone="Europe/Berlin", jitter=timedelta(minutes=5)),
        ),
        ("cron 0 7 * * * jitter 1h", Schedule(cron="0 7 * * *", jitter=timedelta(hours=1))),
    ),
)
def test_a_rule_is_read_as_it_is_meant(rule: str, schedule: Schedule) -> None:
    assert Schedule.parse(rule) == schedule


@pytest.mark.parametrize(
    ("rule", "says"),
    (
        ("", "is no schedule; write"),
        ("hourly", "is no schedule; write"),
        ("every", "is no schedule; write"),
        ("every 20m jitter", "is no schedule; write"),
        ("every 20", "20 is no span of time; write 90s, 20m, 6h or 1d"),
        ("every 1e5s", "1e5s is no span of time"),
        ("every -5m", "-5m is no span of time"),
        ("every 20m jitter 1y", "1y is no span of time"),
        ("every 0s", "0s is out of range; from a second to a year"),
        ("every 367d", "367d is out of range"),
        (f"every {'9' * 40}d", "is out of range"),
        ("every 1m jitter 400d", "400d is out of range"),
        ("cron 0 7 * *", "cron has five fields"),
        ("cron 0 0 7 * * *", "cron has five fields"),
        ("cron @daily", "cron has five fields"),
        ("cron 61 * * * *", "bad minute"),
        ("cron 0 0 30 2 *", "bad day-of-month"),
        ("cron 0 7 * * * in Mars/Olympus", "there is no timezone Mars/Olympus; write one such as Europe/Berlin"),
        ("cron 0 7 * * * in Europe", "there is no timezone Europe"),
        ("cron 0 7 * * * in ../../etc/passwd", "there is no timezone"),
    ),
)
def test_a_rule_that_can_not_be_meant_says_what_would_be_right(rule: str, says: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        Schedule.parse(rule)
    assert says in str(caught.value)
    assert f'"{rule}"' in str(caught.value)


@given(st.text(max_size=40) | st.from_regex(r"(every|cron) [ -~]{0,30}", fullmatch=True))
def test_any_text_is_a_schedule_or_a_bad_one(text: str) -> None:
    try:
        schedule = Schedule.parse(text)
    except BadSchedule:
        return
    assert schedule.following(NOW, 0.5) > NOW


@given(spans, jitters, moments, chances)
def test_an_interval_is_never_shorter_and_never_longer_than_it_may_be(
    every: timedelta, jitter: timedelta, now: datetime, chance: float
) -> None:
    following = Schedule(every=every, jitter=jitter).following(now, chance)
    assert now + LEAST <= now + every <= following <= now + every + jitter


@given(crons, zones, jitters, moments, chances)
def test_cron_is_later_than_now_and_by_no_more_than_its_jitter(
    cron: str, zone: str, jitter: timedelta, now: datetime, chance: float
) -> None:
    exact = Schedule(cron=cron, zone=zone).following(now, chance)
    following = Schedule(cron=cron, zone=zone, jitter=jitter).following(now, chance)
    assert now < exact <= following <= exact + jitter
    assert exact.tzinfo is UTC


@given(schedules, moments)
def test_the_first_time_is_at_once_for_an_interval_and_as_it_says_for_cron(schedule: Schedule, now: datetime) -> None:
    first = schedule.first(now)
    assert first == now if schedule.every is not None else first > now


def times(rule: str, start: datetime, count: int) -> list[str]:
    """The next ones, as the clocks there show them."""
    schedule, now, found = Schedule.parse(rule), start, []
    for _ in range(count):
        now = schedule.following(now, 0.0)
        found.append(now.astimezone(BERLIN).strftime("%d. %H:%M %Z"))
    return found


SPRING = datetime(2026, 3, 28, 0, 10, tzinfo=BERLIN)
AUTUMN = datetime(2026, 10, 24, 0, 10, tzinfo=BERLIN)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    (
        ("0 7 * * *", SPRING, ["28. 07:00 CET", "29. 07:00 CEST", "30. 07:00 CEST"]),
        ("0 7 * * *", AUTUMN, ["24. 07:00 CEST", "25. 07:00 CET", "26. 07:00 CET"]),
        # Half past two is left out that night, and there is one run all the same.
        ("30 2 * * *", SPRING, ["28. 02:30 CET", "29. 03:00 CEST", "30. 02:30 CEST"]),
        # Half past two comes twice that night, and there is one run.
        ("30 2 * * *", AUTUMN, ["24. 02:30 CEST", "25. 02:30 CEST", "26. 02:30 CET"]),
    ),
)
def test_a_time_of_day_is_met_once_a_day_over_the_change_of_clocks(
    rule: str, start: datetime, expected: list[str]
) -> None:
    assert times(f"cron {rule} in Europe/Berlin", start, 3) == expected


@pytest.mark.processes
@pytest.mark.parametrize("start", (SPRING, AUTUMN))
def test_what_runs_every_hour_does_so_through_the_change_of_clocks(start: datetime) -> None:
    schedule, now, gaps = Schedule.parse("cron 0 * * * * in Europe/Berlin"), start.astimezone(UTC), set()
    now = schedule.following(now, 0.0)
    for _ in range(48):
        before, now = now, schedule.following(now, 0.0)
        gaps.add(now - before)
    assert gaps == {timedelta(hours=1)}


@given(schedules, moments, st.integers(0, 400))
def test_what_was_missed_is_not_made_up_for(schedule: Schedule, now: datetime, days: int) -> None:
    # Only when it is now counts: nobody tells it when it ran last.
    late = now + timedelta(days=days)
    assert schedule.following(late, 0.0) > late
