"""What the memory gate costs: a reading, and an admission among many reservations."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from memory import MemoryBudget, MemorySource

TIMES = 2000
RESERVATIONS = 50


def report() -> None:
    """Print median and 99th percentile of a reading and of an admission, in microseconds."""
    source = MemorySource()
    budget = MemoryBudget()
    for number in range(RESERVATIONS):
        budget.debit(1, owner=f"lease {number}")

    def admit() -> None:
        reservation, _ = budget.reserve(source.read(), 1, owner="bench")
        if reservation is not None:
            budget.release(reservation)

    print(f"{'memory gate':<44}{'median':>10}{'p99':>10}")
    for name, work in (("a reading", source.read), (f"an admission, {RESERVATIONS} reservations held", admit)):
        median, high = _microseconds(work)
        print(f"{name:<44}{median:>7.0f} µs{high:>7.0f} µs")


def _microseconds(work: Callable[[], object]) -> tuple[float, float]:
    taken: list[float] = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1e6)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]
