"""What things cost: the memory to expect of a class of work, learned from what such work has taken.

The expected cost is the 95th percentile of the last observations. A prior, stated by whoever asks, stands in until
`PRIOR_WEIGHT` of them are there. What was learned can be taken out and put back, so that it outlives a restart.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PERCENTILE = 0.95
KEPT_OBSERVATIONS = 64
PRIOR_WEIGHT = 3
"""So many observations outvote the prior."""

KEPT_CLASSES = 1000
"""Of more the ones learned longest ago are forgotten: names come from outside."""


@dataclass(frozen=True, slots=True)
class LearnedCost:
    """What is known of one class of work: the cost to expect, in bytes, and from how many observations."""

    name: str
    expected_bytes: int
    observations: int


class CostEstimator:
    """Expected cost by class, in bytes."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[int]] = {}

    def learn(self, name: str, cost_bytes: int) -> None:
        """Take note that work of class `name` cost so much. Raises ValueError for what is no number of bytes."""
        self._keep(name, [*self._seen.get(name, ()), _checked(cost_bytes)])

    def expected_bytes(self, name: str, *, prior_bytes: int) -> int:
        """What to reserve for the next piece of work of class `name`."""
        seen = self._seen.get(name, ())
        return max(prior_bytes, *seen, 0) if len(seen) < PRIOR_WEIGHT else percentile(seen)

    def learned(self) -> tuple[LearnedCost, ...]:
        """Every class that something was seen of, by name."""
        return tuple(LearnedCost(name, percentile(seen), len(seen)) for name, seen in sorted(self._seen.items()))

    def observations(self) -> dict[str, list[int]]:
        """All that was seen, oldest first, to be kept somewhere and given to `restore`."""
        return {name: list(seen) for name, seen in self._seen.items()}

    def restore(self, observations: Mapping[str, Iterable[int]]) -> None:
        """Take over what an earlier run has seen; what this one has seen since counts as newer.

        Raises ValueError for what is no number of bytes; nothing is taken over then.
        """
        checked = {name: [_checked(cost) for cost in earlier] for name, earlier in observations.items()}
        for name, earlier in checked.items():
            self._keep(name, [*earlier, *self._seen.get(name, ())])

    def _keep(self, name: str, seen: list[int]) -> None:
        self._seen.pop(name, None)
        if seen:
            self._seen[name] = deque(seen, maxlen=KEPT_OBSERVATIONS)
        while len(self._seen) > KEPT_CLASSES:
            self._seen.pop(next(iter(self._seen)))


def percentile(costs: Iterable[int]) -> int:
    """The 95th percentile by nearest rank."""
    ordered = sorted(costs)
    return ordered[math.ceil(PERCENTILE * len(ordered)) - 1]


def _checked(cost_bytes: object) -> int:
    if not isinstance(cost_bytes, int) or isinstance(cost_bytes, bool):
        raise ValueError(  # noqa: TRY004 whatever is wrong with it, it is a wrong value
            f"a cost is a whole number of bytes, not {cost_bytes!r}"
        )
    return max(0, cost_bytes)
