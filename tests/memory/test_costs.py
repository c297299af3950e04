"""What a class of work is expected to take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memory import CostEstimator


def learned(prior: int, *seen: int) -> int:
    costs = CostEstimator(prior)
    for cost in seen:
        costs.learn("page", cost)
    return costs.expected_bytes("page")


def test_what_was_never_seen_is_expected_to_cost_the_prior() -> None:
    assert learned(100) == 100


def test_a_few_cheap_ones_do_not_lower_the_expectation_and_an_expensive_one_raises_it_at_once() -> None:
    assert learned(100, 10, 10) == 100
    assert learned(100, 10, 300) == 300


def test_enough_of_them_outvote_the_prior_in_both_directions() -> None:
    assert learned(100, 10, 10, 10) == 10
    assert learned(100, 300, 300, 300) == 300


def test_of_a_hundred_with_few_outliers_nearly_all_are_covered_and_one_outlier_does_not_rule() -> None:
    assert learned(100, *([50] * 60), *([900] * 2)) == 50
    assert learned(100, *([50] * 56), *([900] * 8)) == 900


def test_old_observations_are_forgotten() -> None:
    assert learned(100, *([900] * 64), *([50] * 64)) == 50


def test_classes_of_work_learn_apart() -> None:
    costs = CostEstimator(100)
    for _ in range(5):
        costs.learn("heavy", 900)
    assert costs.expected_bytes("light") == 100


def test_a_cost_below_zero_counts_as_none() -> None:
    assert learned(100, -5, -5, -5) == 0


@given(st.lists(st.integers(0, 1 << 40), min_size=3, max_size=64))
def test_the_expectation_is_a_cost_that_was_seen_and_covers_95_of_100(seen: list[int]) -> None:
    expected = learned(0, *seen)
    assert expected in seen
    assert sum(cost <= expected for cost in seen) >= 0.95 * len(seen)
