"""is_memory_safe_for_operation: the question that every operation asks first."""

from __future__ import annotations

import math

import pytest

from memory import Bound, Level, MemoryBudget, Reading, is_memory_safe_for_operation

MIB = 1 << 20


def reading(used_mb: float, limit_mb: float = 1000, level: Level = Level.NORMAL) -> Reading:
    return Reading(0.0, (Bound("cgroup v2", "/box", int(limit_mb * MIB), int(used_mb * MIB)),), None, None, level)


def test_an_operation_is_safe_when_its_need_fits_beside_what_is_used_promised_and_kept() -> None:
    budget = MemoryBudget(margin_share=0.05)
    budget.debit(100 * MIB, owner="somebody")
    assert is_memory_safe_for_operation(reading(500), budget, need_mb=350).safe
    refused = is_memory_safe_for_operation(reading(500), budget, need_mb=351)
    assert not refused.safe
    assert (refused.current_mb, refused.available_mb) == (500, 350)
    assert refused.reason == (
        "351 MiB needed, but 1,000 MiB limit - 500 MiB used - 100 MiB promised - 50 MiB margin = 350 MiB"
        " (cgroup v2 /box)"
    )


def test_asking_promises_nothing() -> None:
    budget = MemoryBudget()
    is_memory_safe_for_operation(reading(100), budget, need_mb=300)
    assert budget.unused_bytes == 0
    assert budget.statistics().granted == 0


def test_a_threshold_refuses_what_the_limit_would_allow() -> None:
    assert is_memory_safe_for_operation(reading(100), MemoryBudget(), need_mb=50, threshold_mb=150).safe
    refused = is_memory_safe_for_operation(reading(100), MemoryBudget(), need_mb=50, threshold_mb=149)
    assert not refused.safe
    assert "threshold 149" in refused.reason


def test_a_threshold_above_the_limit_does_not_lift_the_limit() -> None:
    assert not is_memory_safe_for_operation(reading(990), MemoryBudget(), need_mb=50, threshold_mb=5000).safe


def test_an_alarm_that_is_still_ringing_does_not_refuse_what_fits() -> None:
    assert is_memory_safe_for_operation(reading(100, level=Level.EMERGENCY), MemoryBudget(), need_mb=50).safe


def test_where_no_limit_is_known_it_is_safe_and_the_figures_are_unknown() -> None:
    safety = is_memory_safe_for_operation(Reading(0.0, (), None, None), MemoryBudget(), need_mb=50, threshold_mb=10)
    assert (safety.safe, safety.current_mb, safety.available_mb) == (True, None, None)
    assert "no memory limit is known" in safety.reason


@pytest.mark.parametrize("wrong", (-1, -0.001, math.nan, math.inf, -math.inf))
def test_a_need_or_threshold_that_is_no_amount_of_memory_is_an_error(wrong: float) -> None:
    with pytest.raises(ValueError, match="need_mb is a number of MiB"):
        is_memory_safe_for_operation(reading(1), MemoryBudget(), need_mb=wrong)
    with pytest.raises(ValueError, match="threshold_mb is a number of MiB"):
        is_memory_safe_for_operation(reading(1), MemoryBudget(), threshold_mb=wrong)


def test_a_need_of_nothing_is_safe_until_the_margin_is_touched() -> None:
    assert is_memory_safe_for_operation(reading(940), MemoryBudget(margin_share=0.06), need_mb=0).safe
    assert not is_memory_safe_for_operation(reading(941), MemoryBudget(margin_share=0.06), need_mb=0).safe
