"""How often a host is asked. Time and chance are the test's."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.pace import BACK_OFF_SECONDS, Pace, interval_seconds


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0
        self.chance = 0.0
        self.pace = Pace(clock=lambda: self.seconds, chance=lambda: self.chance)

    def turn(
        self,
        host: str = "a",
        rate: float = 2.0,
        *,
        jitter: float = 0.0,
        delay: float | None = None,
        most: float = 60.0,
    ) -> float | None:
        return self.pace.take_turn(
            host, requests_per_second=rate, jitter=jitter, delay_seconds=delay, most_seconds=most
        )


@pytest.mark.parametrize(
    ("rate", "jitter", "delay", "chance", "pause"),
    (
        (2.0, 0.0, None, 0.9, 0.5),
        (2.0, 0.5, None, 0.0, 0.5),
        (2.0, 0.5, None, 1.0, 0.75),
        (2.0, 0.0, 3.0, 0.0, 3.0),
        (0.1, 0.0, 3.0, 0.0, 10.0),
        (2.0, 0.5, 3.0, 1.0, 4.5),
    ),
)
def test_the_pause_is_the_longer_of_ours_and_the_sites_and_jitter_only_adds(
    rate: float, jitter: float, delay: float | None, chance: float, pause: float
) -> None:
    assert interval_seconds(rate, jitter, delay, chance) == pytest.approx(pause)


def test_the_first_turn_is_at_once_and_others_queue_behind_it() -> None:
    clock = Clock()
    assert [clock.turn() for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]


def test_a_host_that_has_rested_is_asked_at_once_and_saves_up_no_turns() -> None:
    clock = Clock()
    clock.turn()
    clock.seconds += 100
    assert [clock.turn() for _ in range(2)] == [0.0, 0.5]


def test_hosts_do_not_wait_for_each_other() -> None:
    clock = Clock()
    assert [clock.turn("a"), clock.turn("b"), clock.turn("a")] == [0.0, 0.0, 0.5]


def test_a_wait_that_is_too_long_is_no_turn_and_takes_none() -> None:
    clock = Clock()
    for _ in range(4):
        clock.turn(most=1.0)
    assert clock.turn(most=1.0) is None
    assert clock.pace.wait_seconds("a") == pytest.approx(1.5)


def test_a_host_that_says_for_how_long_is_left_alone_for_that_long() -> None:
    clock = Clock()
    clock.turn()
    clock.pace.back_off("a", 30)
    assert clock.turn(most=10) is None
    assert clock.pace.wait_seconds("a") == 30
    clock.seconds += 25
    assert clock.turn(most=10) == 5
    assert clock.turn("b") == 0


def test_one_that_does_not_say_is_left_alone_for_a_minute() -> None:
    clock = Clock()
    clock.pace.back_off("a", None)
    assert clock.pace.wait_seconds("a") == BACK_OFF_SECONDS


def test_a_later_and_shorter_wish_does_not_shorten_an_earlier_one() -> None:
    clock = Clock()
    clock.pace.back_off("a", 100)
    clock.pace.back_off("a", 1)
    assert clock.pace.wait_seconds("a") == 100


def test_who_was_never_asked_has_nothing_to_wait_for() -> None:
    assert Clock().pace.wait_seconds("a") == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), min_size=2, max_size=40), st.floats(0.1, 50))
def test_two_turns_at_a_host_are_never_closer_than_its_rate(moves: list[tuple[float, float]], rate: float) -> None:
    clock, turns = Clock(), list[float]()
    for passed, clock.chance in moves:
        clock.seconds += passed
        wait = clock.turn(rate=rate, jitter=1.0, most=1e9)
        assert wait is not None
        turns.append(clock.seconds + wait)
    assert all(later - earlier >= 1 / rate - 1e-6 for earlier, later in itertools.pairwise(turns))
