"""How full is full: four levels, up at once, down only after a while.

The marks are shares of the limit, so that the same program is right in 256 MiB and in 256 GiB.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How near memory is to its limit."""

    NORMAL = 0
    ELEVATED = 1
    CRITICAL = 2
    EMERGENCY = 3


@dataclass(frozen=True, slots=True)
class LevelPolicy:
    """Where the levels begin, as shares of the limit, and how long calm must last before one is left.

    `elevated` is where reclaim begins: measured, a scraper that gives memory back from three quarters on never came
    near the kernel's limit in 256 to 512 MiB. `pressure` is the share of time that tasks waited for memory from which
    a level is raised by one.
    """

    elevated: float = 0.75
    critical: float = 0.85
    emergency: float = 0.93
    calm_below: float = 0.05
    calm_seconds: float = 2.0
    pressure: float = 0.20

    def mark(self, level: Level) -> float:
        """The share from which `level` begins."""
        return (0.0, self.elevated, self.critical, self.emergency)[level]


@dataclass(frozen=True, slots=True)
class LevelState:
    """The level now, and since when the reading has been calm enough to leave it (None: it has not)."""

    level: Level = Level.NORMAL
    calm_since_seconds: float | None = None


def level_of(share: float | None, pressure: float | None, policy: LevelPolicy) -> Level:
    """The level that a reading alone speaks for. An unknown share is normal: there is no limit to be near to."""
    if share is None:
        return Level.NORMAL
    level = max(level for level in Level if share >= policy.mark(level))
    # Waiting tasks count only where memory is scarce: a busy disk makes them wait as well.
    if pressure is not None and pressure >= policy.pressure and level is not Level.NORMAL:
        level = Level(min(level + 1, Level.EMERGENCY))
    return level


def next_state(
    state: LevelState,
    share: float | None,
    pressure: float | None,
    now_seconds: float,
    policy: LevelPolicy,
    *,
    was_killed: bool = False,
) -> LevelState:
    """Up at once; down only after the share has stayed `calm_below` under the mark for `calm_seconds`.

    `was_killed`: the kernel has killed one of ours for memory since the last look. However much that has freed, the
    limit was reached: it is an emergency.
    """
    seen = Level.EMERGENCY if was_killed else level_of(share, pressure, policy)
    if seen > state.level:
        return LevelState(seen)
    is_calm = seen < state.level and (share or 0.0) < policy.mark(state.level) - policy.calm_below
    if not is_calm:
        return LevelState(state.level)
    since = state.calm_since_seconds if state.calm_since_seconds is not None else now_seconds
    if now_seconds - since >= policy.calm_seconds:
        return LevelState(seen)
    return LevelState(state.level, since)
