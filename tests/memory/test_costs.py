"""What a class of work is expected to take."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import CostEstimator, LearnedCost
from memory.costs import KEPT_CLASSES


def learned(prior: int, *seen: int) -> int:
    costs = CostEstimator()
    for cost in seen:
        costs.learn("page", cost)
    return costs.expected_bytes("page", prior_bytes=prior)


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
    costs = CostEstimator()
    for _ in range(5):
        costs.learn("heavy", 900)
    assert costs.expected_bytes("light", prior_bytes=100) == 100
    assert costs.learned() == (LearnedCost("heavy", 900, 5),)


def test_a_cost_below_zero_counts_as_none() -> None:
    assert learned(100, -5, -5, -5) == 0


@given(st.lists(st.integers(0, 1 << 40), min_size=3, max_size=64))
def test_the_expectation_is_a_cost_that_was_seen_and_covers_95_of_100(seen: list[int]) -> None:
    expected = learned(0, *seen)
    assert expected in seen
    assert sum(cost <= expected for cost in seen) >= 0.95 * len(seen)


def test_what_was_learned_outlives_a_restart_and_what_is_seen_since_counts_as_newer() -> None:
    before = CostEstimator()
    for _ in range(64):
        before.learn("page", 900)
    after = CostEstimator()
    after.learn("page", 50)
    after.restore(before.observations())
    assert after.expected_bytes("page", prior_bytes=1) == 900
    assert after.observations() == {"page": [900] * 63 + [50]}


def test_names_that_never_end_are_forgotten_in_the_order_in_which_they_were_last_seen() -> None:
    costs = CostEstimator()
    for number in range(KEPT_CLASSES + 5):
        costs.learn("the first", 1)
        costs.learn(f"class {number}", 1)
    names = set(costs.observations())
    assert len(names) == KEPT_CLASSES
    assert "the first" in names
    assert "class 0" not in names


@given(st.integers(20, 400), st.floats(0.0, 0.3), st.integers(0, 1 << 32))
def test_after_fifty_pages_the_learned_cost_is_within_a_quarter_of_the_true_95th_percentile(
    typical_mb: int, spread: float, seed: int
) -> None:
    costs, random = CostEstimator(), Random(seed)
    true = [typical_mb * (1 + spread * random.random()) for _ in range(5000)]
    for cost in random.sample(true, 50):
        costs.learn("page", int(cost * (1 << 20)))
    truth = sorted(true)[4749] * (1 << 20)
    assert abs(costs.expected_bytes("page", prior_bytes=1) / truth - 1) < 0.25


@pytest.mark.parametrize("wrong", (None, 1.5, float("inf"), "5", True))
def test_what_is_no_number_of_bytes_is_neither_learned_nor_restored(wrong: int) -> None:
    costs = CostEstimator()
    with pytest.raises(ValueError, match="a cost is a whole number of bytes"):
        costs.learn("page", wrong)
    with pytest.raises(ValueError, match="a cost is a whole number of bytes"):
        costs.restore({"fine": [1], "page": [wrong]})
    assert costs.observations() == {}


def test_a_class_of_which_nothing_was_seen_is_not_restored() -> None:
    costs = CostEstimator()
    costs.restore({"page": [], "other": [-5]})
    assert costs.learned() == (LearnedCost("other", 0, 1),)
