"""Levels: up at once, down only after calm has lasted. Time is a number here."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import Level, LevelPolicy
from memory.levels import LevelState, level_of, next_state

POLICY = LevelPolicy()

shares = st.one_of(st.none(), st.floats(0, 3))
pressures = st.one_of(st.none(), st.floats(0, 1))


def run(*looks: tuple[float, float | None], pressure: float | None = None) -> list[Level]:
    """The level after each look, given as (seconds, share)."""
    state, levels = LevelState(), []
    for seconds, share in looks:
        state = next_state(state, share, pressure, seconds, POLICY)
        levels.append(state.level)
    return levels


@pytest.mark.parametrize(
    ("share", "level"),
    (
        (0.0, Level.NORMAL),
        (0.7499, Level.NORMAL),
        (0.75, Level.ELEVATED),
        (0.8499, Level.ELEVATED),
        (0.85, Level.CRITICAL),
        (0.9299, Level.CRITICAL),
        (0.93, Level.EMERGENCY),
        (1.5, Level.EMERGENCY),
        (None, Level.NORMAL),
    ),
)
def test_a_level_begins_at_its_mark(share: float | None, level: Level) -> None:
    assert level_of(share, None, POLICY) is level


@pytest.mark.parametrize(
    ("share", "pressure", "level"),
    (
        (0.80, 0.20, Level.CRITICAL),
        (0.80, 0.19, Level.ELEVATED),
        (0.95, 1.00, Level.EMERGENCY),
        (0.50, 1.00, Level.NORMAL),
        (None, 1.00, Level.NORMAL),
    ),
)
def test_tasks_that_wait_for_memory_raise_the_level_by_one_where_memory_is_scarce(
    share: float | None, pressure: float, level: Level
) -> None:
    assert level_of(share, pressure, POLICY) is level


def test_the_level_rises_at_once_and_over_several_steps() -> None:
    assert run((0, 0.1), (0.001, 0.95)) == [Level.NORMAL, Level.EMERGENCY]


def test_the_level_falls_only_after_calm_has_lasted() -> None:
    looks = run((0, 0.80), (1, 0.60), (2.9, 0.60), (3, 0.60))
    assert looks == [Level.ELEVATED, Level.ELEVATED, Level.ELEVATED, Level.NORMAL]


def test_just_below_the_mark_is_not_calm() -> None:
    assert run((0, 0.80), (1, 0.74), (100, 0.71), (200, 0.70))[-1] is Level.ELEVATED
    assert run((0, 0.80), (1, 0.69), (3, 0.69))[-1] is Level.NORMAL


def test_calm_that_is_broken_starts_anew() -> None:
    looks = run((0, 0.80), (1, 0.60), (2, 0.74), (2.5, 0.60), (4, 0.60), (4.5, 0.60))
    assert looks[-2:] == [Level.ELEVATED, Level.NORMAL]


def test_a_level_falls_to_what_the_reading_speaks_for() -> None:
    assert run((0, 0.95), (1, 0.10), (3, 0.10))[-1] is Level.NORMAL
    assert run((0, 0.95), (1, 0.80), (3, 0.80))[-1] is Level.ELEVATED


def test_a_limit_that_is_lifted_ends_the_alarm() -> None:
    assert run((0, 0.95), (1, None), (3, None))[-1] is Level.NORMAL


@given(st.lists(st.tuples(st.floats(0, 5), shares, pressures), min_size=1, max_size=40))
def test_a_level_is_never_below_what_the_reading_speaks_for_and_never_falls_within_calm_seconds(
    looks: list[tuple[float, float | None, float | None]],
) -> None:
    state, now, raised_at = LevelState(), 0.0, 0.0
    for pause, share, pressure in looks:
        now += pause
        before = state.level
        state = next_state(state, share, pressure, now, POLICY)
        assert state.level >= level_of(share, pressure, POLICY)
        if state.level > before:
            raised_at = now
        if state.level < before:
            assert now - raised_at >= POLICY.calm_seconds
            assert (share or 0) < POLICY.mark(before) - POLICY.calm_below


@given(st.lists(st.floats(0, 1.5), min_size=2), pressures)
def test_a_fuller_reading_never_speaks_for_a_lower_level(some: list[float], pressure: float | None) -> None:
    levels = [level_of(share, pressure, POLICY) for share in sorted(some)]
    assert all(low <= high for low, high in pairwise(levels))


def test_a_kill_by_the_kernel_is_an_emergency_however_much_it_has_freed_and_passes_like_any_other() -> None:
    state = next_state(LevelState(), 0.1, None, 0.0, POLICY, was_killed=True)
    assert state.level is Level.EMERGENCY
    state = next_state(state, 0.1, None, 0.1, POLICY)
    assert state.level is Level.EMERGENCY
    assert next_state(state, 0.1, None, 0.1 + POLICY.calm_seconds, POLICY).level is Level.NORMAL
