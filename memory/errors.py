"""What this package raises.

```
MemorySafetyError
├── LimitTooLow         the limit is below what Chromium needs at all
└── SkippedForMemory    there is no memory for this now, and it is not critical
```
"""

from __future__ import annotations

from memory.budget import Admission, mib


class MemorySafetyError(Exception):
    """The root of what this package raises."""


class LimitTooLow(MemorySafetyError):
    """The limit leaves no room for a browser: `limit_bytes` is there, `needed_bytes` is the least that works."""

    def __init__(self, limit_bytes: int, needed_bytes: int, bound_by: str) -> None:
        self.limit_bytes = limit_bytes
        self.needed_bytes = needed_bytes
        super().__init__(
            f"the memory limit is {mib(limit_bytes)} ({bound_by}), and a browser needs at least {mib(needed_bytes)}: "
            "raise the limit of the container or the cap in TIDEGATE_MEMORY_LIMIT_MB."
        )


class SkippedForMemory(MemorySafetyError):
    """An operation did not begin: `admission` has the arithmetic. Nothing was done, so it can be tried again."""

    def __init__(self, name: str, component: str, admission: Admission) -> None:
        self.name = name
        self.component = component
        self.admission = admission
        super().__init__(f"{name} was skipped for lack of memory: {admission.reason}")
