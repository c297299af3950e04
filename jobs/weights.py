"""What verdicts say of the arms of generators, and which arm writes next. Pure.

An arm is a Beta-Bernoulli arm: alpha - 1 successes and beta - 1 failures were seen of it, on top of the uniform prior
Beta(1, 1). A verdict counts half as much after `half_life`, so tastes may change, and an arm that is not drawn any
more drifts back to "unknown" and gets another chance:

    alpha(t) = 1 + sum over its successes of 2^(-(t - at) / half_life)        beta(t) likewise over its failures

The sum does not depend on the order in which verdicts come, or in which pages. An arm is drawn by Thompson sampling:
one number is drawn from each arm's distribution, and the highest writes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from scraper.store.weights import Arm, Verdict, Weight

HALF_LIFE = timedelta(days=30)


def faded(weight: Weight, now: datetime, half_life: timedelta = HALF_LIFE) -> Weight:
    """`weight` as it stands at `now`. One that is from later stays as it is."""
    if now <= weight.as_of:
        return weight
    share = _share(now - weight.as_of, half_life)
    return Weight(1 + (weight.alpha - 1) * share, 1 + (weight.beta - 1) * share, now)


def after(weight: Weight | None, verdict: Verdict, half_life: timedelta = HALF_LIFE) -> Weight:
    """What is known after one more verdict. It may be older than what is known already."""
    before = faded(weight or Weight(1.0, 1.0, verdict.at), verdict.at, half_life)
    counts = _share(before.as_of - verdict.at, half_life)
    if verdict.is_success:
        return Weight(before.alpha + counts, before.beta, before.as_of)
    return Weight(before.alpha, before.beta + counts, before.as_of)


def drawn(
    arms: Sequence[Arm], weights: Mapping[Arm, Weight], rng: Random, now: datetime, half_life: timedelta = HALF_LIFE
) -> Arm:
    """The arm that writes next. Raises ValueError where there is none to draw from."""
    if not arms:
        raise ValueError("there is no arm to draw from")

    def sample(arm: Arm) -> float:
        known = weights.get(arm)
        weight = faded(known, now, half_life) if known else Weight(1.0, 1.0, now)
        return rng.betavariate(weight.alpha, weight.beta)

    return max(arms, key=sample)


def _share(age: timedelta, half_life: timedelta) -> float:
    return math.pow(0.5, age / half_life)
