"""is_memory_safe_for_operation: the question that every operation asks first."""

from __future__ import annotations

import math

import pytest

from memory import Bound, Level, MemoryBudget, MemoryGuard, Reading, current_guard, is_memory_safe_for_operation
from memory.guard import safety

MIB = 1 << 20


def reading(used_mb: float, limit_mb: float = 1000, level: Level = Level.NORMAL) -> Reading:
    return Reading(0.0, (Bound("cgroup v2", "/box", int(limit_mb * MIB), int(used_mb * MIB)),), None, None, level)


def test_an_operation_is_safe_when_its_need_fits_beside_what_is_used_promised_and_kept() -> None:
    budget = MemoryBudget(margin_share=0.05)
    budget.debit(100 * MIB, owner="somebody")
    assert safety(reading(500), budget, need_mb=350).safe
    refused = safety(reading(500), budget, need_mb=351)
    assert not refused.safe
    assert (refused.current_mb, refused.available_mb) == (500, 350)
    assert refused.reason == (
        "351 MiB needed, but 1,000 MiB limit - 500 MiB used - 100 MiB promised - 50 MiB margin = 350 MiB"
        " (cgroup v2 /box)"
    )


def test_asking_promises_nothing() -> None:
    budget = MemoryBudget()
    safety(reading(100), budget, need_mb=300)
    assert budget.unused_bytes == 0
    assert budget.statistics().granted == 0


def test_a_threshold_refuses_what_the_limit_would_allow() -> None:
    assert safety(reading(100), MemoryBudget(), need_mb=50, threshold_mb=150).safe
    refused = safety(reading(100), MemoryBudget(), need_mb=50, threshold_mb=149)
    assert not refused.safe
    assert "threshold 149" in refused.reason


def test_a_threshold_above_the_limit_does_not_lift_the_limit() -> None:
    answer = safety(reading(990), MemoryBudget(), need_mb=50, threshold_mb=5000)
    assert not answer.safe
    assert "the threshold 5,000 MiB is over the limit, which decides" in answer.reason


def test_an_alarm_that_is_still_ringing_does_not_refuse_what_fits() -> None:
    assert safety(reading(100, level=Level.EMERGENCY), MemoryBudget(), need_mb=50).safe


def test_where_no_limit_is_known_it_is_safe_and_the_figures_are_unknown() -> None:
    answer = safety(Reading(0.0, (), None, None), MemoryBudget(), need_mb=50, threshold_mb=10)
    assert (answer.safe, answer.current_mb, answer.available_mb) == (True, None, None)
    assert "no memory limit is known" in answer.reason


@pytest.mark.parametrize("wrong", (-1, -0.001, math.nan, math.inf, -math.inf))
def test_a_need_or_threshold_that_is_no_amount_of_memory_is_an_error(wrong: float) -> None:
    with pytest.raises(ValueError, match="need_mb is a number of MiB"):
        safety(reading(1), MemoryBudget(), need_mb=wrong)
    with pytest.raises(ValueError, match="threshold_mb is a number of MiB"):
        safety(reading(1), MemoryBudget(), threshold_mb=wrong)


def test_a_need_of_nothing_is_safe_until_the_margin_is_touched() -> None:
    assert safety(reading(940), MemoryBudget(margin_share=0.06), need_mb=0).safe
    assert not safety(reading(941), MemoryBudget(margin_share=0.06), need_mb=0).safe


@pytest.mark.parametrize("wrong", ("50", None, True))
def test_a_need_that_is_no_number_at_all_is_an_error_too(wrong: object) -> None:
    with pytest.raises(ValueError, match="need_mb is a number of MiB"):
        safety(reading(1), MemoryBudget(), need_mb=wrong)  # type: ignore[arg-type]


def test_what_a_threshold_leaves_is_what_is_available() -> None:
    assert safety(reading(100), MemoryBudget(), need_mb=100, threshold_mb=150).available_mb == 50


async def test_the_guard_that_was_entered_last_is_the_current_one_and_without_any_there_is_one_that_only_looks() -> (
    None
):
    unattended = current_guard()
    async with MemoryGuard() as outer:
        async with MemoryGuard() as inner:
            assert current_guard() is inner
        assert current_guard() is outer
    assert current_guard() is unattended
    assert is_memory_safe_for_operation(need_mb=1).safe


def test_by_itself_it_goes_by_the_limit_of_this_machine() -> None:
    answer = is_memory_safe_for_operation(need_mb=1e9)
    assert not answer.safe
    assert answer.current_mb is not None
    assert answer.current_mb > 0
    assert answer.reason.startswith("1,000,000,000 MiB needed, but ")


def test_what_is_promised_counts_against_a_threshold_too_and_the_figures_do_not_depend_on_the_need() -> None:
    budget = MemoryBudget()
    budget.debit(150 * MIB, owner="somebody")
    answers = [safety(reading(300), budget, need_mb=need, threshold_mb=500) for need in (50, 51)]
    assert [(answer.safe, answer.available_mb) for answer in answers] == [(True, 50), (False, 50)]


def test_where_nothing_can_be_read_the_reason_says_what_is_not_known() -> None:
    unread = Reading(0.0, (), None, None, unknowns=("memory.max of /box can't be read: Too many open files",))
    assert "Too many open files" in safety(unread, MemoryBudget()).reason
