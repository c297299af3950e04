"""How much of the file pages in use has to stay: what the kernel reads again when it is taken away.

Program text is in memory as pages of files. The kernel gives them back before it kills anything, at a price: what is
still needed is read from disk again, and where that is most of it nothing else gets done. How much is needed can't be
seen while there is room. It shows when there is not: the kernel counts the pages that it had given up and was asked
for again. So file pages are free to be taken until that count rises fast; from then on as many count as used as were
held when it rose, and that is slowly forgotten, so that it is tried again. See docs/adr/0014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple


class FilePages(NamedTuple):
    """What a cgroup says of its file pages, in bytes. `reread_bytes` counts up, since the cgroup was made."""

    active_bytes: int
    inactive_bytes: int
    reread_bytes: int

    @property
    def held_bytes(self) -> int:
        """All of them."""
        return self.active_bytes + self.inactive_bytes


@dataclass(frozen=True, slots=True)
class RereadPolicy:
    """From when on reading again counts as too much, and how long that is remembered.

    `turnover` is the share of the file pages held that is read again a second. Measured in 256 to 448 MiB: 2 to 10
    where nothing gets done, below 0.5 where work goes on at full speed.
    """

    turnover: float = 0.75
    window_seconds: float = 1.0
    half_life_seconds: float = 300.0


@dataclass(slots=True)
class HotFilePages:
    """Of one cgroup: how much of its file pages is known to be needed. `observe` at each look."""

    policy: RereadPolicy = field(default_factory=RereadPolicy)
    _since_seconds: float | None = None
    _reread_bytes: int = 0
    _needed_bytes: float = 0.0
    _needed_at_seconds: float = 0.0

    def observe(self, pages: FilePages, now_seconds: float) -> int:
        """The bytes of active file pages that count as used now."""
        if self._since_seconds is None or pages.reread_bytes < self._reread_bytes:
            self._begin(pages, now_seconds)
        passed = now_seconds - (self._since_seconds or 0.0)
        if passed >= self.policy.window_seconds:
            rate = (pages.reread_bytes - self._reread_bytes) / passed
            # After a long pause between two looks a rate says little of now, but never too much.
            if rate > self.policy.turnover * pages.held_bytes:
                self._needed_bytes = max(self.needed_bytes(now_seconds), float(pages.held_bytes))
                self._needed_at_seconds = now_seconds
            self._begin(pages, now_seconds)
        return min(pages.active_bytes, round(self.needed_bytes(now_seconds)))

    def needed_bytes(self, now_seconds: float) -> float:
        """What is remembered of it: half after each half-life."""
        passed = max(0.0, now_seconds - self._needed_at_seconds)
        return self._needed_bytes * math.exp2(-passed / self.policy.half_life_seconds)

    def _begin(self, pages: FilePages, now_seconds: float) -> None:
        self._since_seconds, self._reread_bytes = now_seconds, pages.reread_bytes
