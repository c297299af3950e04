"""What things cost: the memory to expect of a class of work, learned from what such work has taken.

The expected cost is the 95th percentile of the last observations. A stated prior counts as `PRIOR_WEIGHT` of them
until enough has been seen.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque

PERCENTILE = 0.95
KEPT_OBSERVATIONS = 64
PRIOR_WEIGHT = 3
"""So many observations outvote the prior."""


class CostEstimator:
    """Expected cost by class, in bytes."""

    def __init__(self, prior_bytes: int) -> None:
        self.prior_bytes = prior_bytes
        self._seen: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=KEPT_OBSERVATIONS))

    def learn(self, name: str, cost_bytes: int) -> None:
        """Take note that work of class `name` cost so much."""
        self._seen[name].append(max(0, cost_bytes))

    def expected_bytes(self, name: str) -> int:
        """What to reserve for the next piece of work of class `name`."""
        seen = self._seen.get(name, ())
        if len(seen) < PRIOR_WEIGHT:
            return max(self.prior_bytes, *seen) if seen else self.prior_bytes
        ordered = sorted(seen)
        return ordered[math.ceil(PERCENTILE * len(ordered)) - 1]
