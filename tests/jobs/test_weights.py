"""What verdicts make of weights, and how arms are drawn by them."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.weights import HALF_LIFE, after, drawn, faded
from scraper.store.weights import Arm, Kind, Verdict, Weight

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD, BAD, NEW = (Arm(Kind.REPLY, "template", name) for name in ("good", "bad", "new"))

verdicts = st.lists(
    st.builds(
        Verdict,
        number=st.integers(1, 1000),
        arm=st.just(GOOD),
        is_success=st.booleans(),
        at=st.integers(0, 100 * 24 * 3600).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    ),
    min_size=1,
    max_size=30,
)


def learnt(found: list[Verdict]) -> Weight:
    weight: Weight | None = None
    for one in found:
        weight = after(weight, one)
    assert weight is not None
    return weight


@given(verdicts, st.randoms(use_true_random=False))
def test_the_order_in_which_verdicts_come_does_not_matter(found: list[Verdict], random: Random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    one, other = faded(learnt(found), NOW), faded(learnt(shuffled), NOW)
    assert (one.alpha, one.beta) == pytest.approx((other.alpha, other.beta))


@given(verdicts)
def test_a_weight_is_the_sum_of_its_faded_verdicts(found: list[Verdict]) -> None:
    def total(*, is_success: bool) -> float:
        ages = [(NOW - one.at) / HALF_LIFE for one in found if one.is_success is is_success]
        return 1.0 + math.fsum(math.pow(0.5, age) for age in ages)

    weight = faded(learnt(found), NOW)
    assert (weight.alpha, weight.beta) == pytest.approx((total(is_success=True), total(is_success=False)))


def test_a_verdict_counts_half_after_a_half_life_and_nothing_after_a_lifetime() -> None:
    weight = learnt([Verdict(1, GOOD, True, NOW)])
    assert (weight.alpha, weight.beta) == (2.0, 1.0)
    assert faded(weight, NOW + HALF_LIFE).alpha == pytest.approx(1.5)
    assert faded(weight, NOW + timedelta(days=365_000)) == Weight(1.0, 1.0, NOW + timedelta(days=365_000))


def test_a_clock_that_is_behind_changes_nothing() -> None:
    weight = Weight(3.0, 2.0, NOW)
    assert faded(weight, NOW - timedelta(days=1)) is weight


def test_a_better_arm_is_drawn_more_often_and_a_worse_one_still_has_its_chance() -> None:
    weights = {GOOD: Weight(6.0, 3.0, NOW), BAD: Weight(3.0, 6.0, NOW)}
    rng = Random(5)
    times = Counter(drawn([GOOD, BAD], weights, rng, NOW) for _ in range(500))
    assert times[GOOD] > 5 * times[BAD] > 0


def test_an_arm_that_nobody_has_spoken_of_is_tried() -> None:
    weights = {GOOD: Weight(9.0, 3.0, NOW), BAD: Weight(3.0, 9.0, NOW)}
    rng = Random(5)
    times = Counter(drawn([GOOD, BAD, NEW], weights, rng, NOW) for _ in range(500))
    assert times[GOOD] > times[NEW] > times[BAD]


def test_an_arm_whose_verdicts_are_long_past_is_as_good_as_new() -> None:
    later = NOW + timedelta(days=3650)
    weights = {GOOD: Weight(90.0, 1.0, NOW), BAD: Weight(1.0, 90.0, NOW)}
    times = Counter(drawn([GOOD, BAD], weights, Random(seed), later) for seed in range(400))
    assert min(times.values()) > 120


def test_the_same_seed_draws_the_same_arms() -> None:
    draws = [[drawn([GOOD, BAD, NEW], {}, rng, NOW) for _ in range(20)] for rng in (Random(3), Random(3))]
    assert draws[0] == draws[1]


def test_nothing_is_drawn_from_nothing() -> None:
    with pytest.raises(ValueError, match="no arm"):
        drawn([], {}, Random(1), NOW)
