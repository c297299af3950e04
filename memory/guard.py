"""The question every operation asks first: is there memory for this?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from memory.budget import MemoryBudget, decide, mib
from memory.readings import Reading

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Safety:
    """The answer: figures in MiB, None where no limit is known, and the reason in words and numbers."""

    safe: bool
    current_mb: float | None
    available_mb: float | None
    reason: str


def is_memory_safe_for_operation(
    reading: Reading, budget: MemoryBudget, need_mb: float = 50, threshold_mb: float | None = None
) -> Safety:
    """May an operation that needs `need_mb` start now? Pure: it goes by what it is given.

    Without `threshold_mb` it goes by the limit: what is not used, not promised and not margin must cover the need.
    The level has no say: it falls only after a while, and this is about now. With a threshold, used memory plus the
    need must also stay under it.

    Raises ValueError for a need or threshold that is not a number of MiB.
    """
    for name, value in (("need_mb", need_mb), ("threshold_mb", threshold_mb)):
        if value is not None and (not math.isfinite(value) or value < 0):
            raise ValueError(f"{name} is a number of MiB, 0 or more, not {value}")
    admission = decide(reading, int(need_mb * MIB), budget.unused_bytes, budget.margin_share)
    current = None if admission.used_bytes is None else admission.used_bytes / MIB
    available = None if admission.available_bytes is None else admission.available_bytes / MIB
    if threshold_mb is not None and current is not None and current + need_mb > threshold_mb:
        reason = (
            f"{mib(int(need_mb * MIB))} needed on top of {current:,.0f} MiB is over the threshold {threshold_mb:,.0f}"
        )
        return Safety(False, current, available, reason)
    return Safety(admission.is_safe, current, available, admission.reason)
