"""How often a host is asked. Time and chance are the test's."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.pace import (
    BACK_OFF_SECONDS,
    LEAST_TOLD_SECONDS,
    MOST_BACK_OFF_SECONDS,
    MOST_DELAY_SECONDS,
    MOST_TOLD_SECONDS,
    OwnPace,
    back_off_seconds,
    interval_seconds,
)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0
        self.pace = OwnPace(clock=lambda: self.seconds)

    async def turn(self, host: str = "a", pause: float = 0.5, *, most: float = 60.0) -> float | None:
        return await self.pace.take_turn(host, pause_seconds=pause, most_seconds=most)


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


@given(st.floats(0.1, 50), st.floats(0, 1), st.none() | st.floats(0, 100), st.floats(0, 1))
def test_no_pause_is_shorter_than_the_rate_or_the_sites_delay(
    rate: float, jitter: float, delay: float | None, chance: float
) -> None:
    assert interval_seconds(rate, jitter, delay, chance) >= max(1 / rate, delay or 0)


async def test_the_first_turn_is_at_once_and_others_queue_behind_it() -> None:
    clock = Clock()
    assert [await clock.turn() for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]


async def test_a_host_that_has_rested_is_asked_at_once_and_saves_up_no_turns() -> None:
    clock = Clock()
    await clock.turn()
    clock.seconds += 100
    assert [await clock.turn() for _ in range(2)] == [0.0, 0.5]


async def test_hosts_do_not_wait_for_each_other() -> None:
    clock = Clock()
    assert [await clock.turn("a"), await clock.turn("b"), await clock.turn("a")] == [0.0, 0.0, 0.5]


async def test_a_wait_that_is_too_long_is_no_turn_and_takes_none() -> None:
    clock = Clock()
    for _ in range(4):
        await clock.turn(most=1.0)
    assert await clock.turn(most=1.0) is None
    assert await clock.pace.wait_seconds("a") == pytest.approx(1.5)


async def test_a_host_that_says_for_how_long_is_left_alone_for_that_long() -> None:
    clock = Clock()
    await clock.turn()
    assert await clock.pace.back_off("a", 30) == 30
    assert await clock.turn(most=10) is None
    assert await clock.pace.wait_seconds("a") == 30
    clock.seconds += 25
    assert await clock.turn(most=10) == 5
    assert await clock.turn("b") == 0


async def test_one_that_does_not_say_is_left_alone_longer_each_time_until_it_answers() -> None:
    clock = Clock()
    waits = []
    for _ in range(3):
        waits.append(await clock.pace.back_off("a", None))
        clock.seconds += 10_000
    await clock.pace.answered("a")
    assert [*waits, await clock.pace.back_off("a", None)] == [60, 120, 240, 60]


@given(st.integers(0, 10_000))
def test_a_back_off_grows_and_has_an_end(refusals: int) -> None:
    assert BACK_OFF_SECONDS <= back_off_seconds(refusals, None) <= MOST_BACK_OFF_SECONDS
    assert back_off_seconds(refusals, None) <= back_off_seconds(refusals + 1, None)
    assert back_off_seconds(refusals, 7.0) == 7.0


@given(st.integers(0, 10), st.floats())
def test_what_a_host_says_counts_from_seconds_to_a_day(refusals: int, told: float) -> None:
    assert LEAST_TOLD_SECONDS <= back_off_seconds(refusals, told) <= MOST_TOLD_SECONDS
    if LEAST_TOLD_SECONDS <= told <= MOST_TOLD_SECONDS:
        assert back_off_seconds(refusals, told) == told


@given(st.floats(0.001, 100), st.floats(0, 1), st.floats(), st.floats(0, 1))
def test_a_delay_counts_up_to_an_hour_and_never_keeps_a_host_for_ever(
    rate: float, jitter: float, delay: float, chance: float
) -> None:
    pause = interval_seconds(rate, jitter, delay, chance)
    assert 1 / rate <= pause <= max(1 / rate, MOST_DELAY_SECONDS) * 2
    if 1 / rate <= delay <= MOST_DELAY_SECONDS:
        assert pause >= delay


async def test_a_later_and_shorter_wish_does_not_shorten_an_earlier_one() -> None:
    clock = Clock()
    await clock.pace.back_off("a", 100)
    await clock.pace.back_off("a", 1)
    assert await clock.pace.wait_seconds("a") == 100


async def test_who_was_never_asked_has_nothing_to_wait_for() -> None:
    assert await Clock().pace.wait_seconds("a") == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 3)), min_size=2, max_size=40))
async def test_two_turns_at_a_host_are_never_closer_than_the_pause(moves: list[tuple[float, float]]) -> None:
    clock, turns = Clock(), list[tuple[float, float]]()
    for passed, pause in moves:
        clock.seconds += passed
        wait = await clock.turn(pause=pause, most=1e9)
        assert wait is not None
        turns.append((clock.seconds + wait, pause))
    assert all(later - earlier >= pause - 1e-6 for (earlier, pause), (later, _) in itertools.pairwise(turns))
