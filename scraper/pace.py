"""How often a host is asked: one turn after another, with jitter, and not before it said.

`Pace` is what a visitor asks for turns. `OwnPace` knows only this process; `scraper.store.hosts.SharedPace` keeps the
turns in the database, for all processes and machines on it, and over restarts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, Protocol

BACK_OFF_SECONDS: Final = 60.0
"""For a host that says "too many requests" and not for how long. Doubled each time it says so again."""
MOST_BACK_OFF_SECONDS: Final = 3600.0
LEAST_TOLD_SECONDS: Final = 5.0
"""A host that refuses and says "try again at once" (0, or a moment that is over) is not taken at its word."""
MOST_TOLD_SECONDS: Final = 24 * 3600.0
"""No host is left alone for longer on its own word: it is asked again, and may say so again."""
MOST_DELAY_SECONDS: Final = 3600.0
"""A longer Crawl-delay is taken for this: a host is asked once an hour if it may be asked at all."""


def interval_seconds(requests_per_second: float, jitter: float, delay_seconds: float | None, chance: float) -> float:
    """The pause to the next request: never shorter than the site's own delay, which counts up to an hour.

    `chance` is from 0 to 1. Finite whatever the site says; a delay that is no number counts for nothing.
    """
    # In this order `max` and `min` drop a NaN.
    pause = max(1 / requests_per_second, min(delay_seconds or 0.0, MOST_DELAY_SECONDS))
    return pause * (1 + jitter * chance)


def back_off_seconds(refusals: int, told_seconds: float | None) -> float:
    """How long a host is left alone after so many refusals in a row: as long as it said, else longer each time.

    What it said counts from 5 seconds to a day.
    """
    if told_seconds is not None:
        # In this order `max` drops a NaN.
        return min(MOST_TOLD_SECONDS, max(LEAST_TOLD_SECONDS, told_seconds))
    doublings = min(max(refusals - 1, 0), 16)
    return min(BACK_OFF_SECONDS * 2.0**doublings, MOST_BACK_OFF_SECONDS)


class Pace(Protocol):
    """The turns at hosts. A host is a name with its port."""

    async def take_turn(self, host: str, *, pause_seconds: float, most_seconds: float) -> float | None:
        """Take the next turn at `host`: how long to wait for it. None, and no turn, if over `most_seconds`.

        The turn after it is `pause_seconds` later.
        """

    async def wait_seconds(self, host: str) -> float:
        """How long until the next turn at `host`."""

    async def back_off(self, host: str, told_seconds: float | None) -> float:
        """`host` refused, and perhaps told for how long: leave it alone. Returns for how long."""

    async def answered(self, host: str) -> None:
        """`host` gave what was asked for: its refusals before are over."""


class OwnPace:
    """The turns of this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_seconds: dict[str, float] = {}
        self._refusals: dict[str, int] = {}

    async def take_turn(self, host: str, *, pause_seconds: float, most_seconds: float) -> float | None:
        """See `Pace.take_turn`."""
        now = self._clock()
        turn = max(now, self._next_seconds.get(host, now))
        if turn - now > most_seconds:
            return None
        self._next_seconds[host] = turn + pause_seconds
        return turn - now

    async def wait_seconds(self, host: str) -> float:
        """See `Pace.wait_seconds`."""
        return max(0.0, self._next_seconds.get(host, 0.0) - self._clock())

    async def back_off(self, host: str, told_seconds: float | None) -> float:
        """See `Pace.back_off`."""
        self._refusals[host] = self._refusals.get(host, 0) + 1
        until = self._clock() + back_off_seconds(self._refusals[host], told_seconds)
        self._next_seconds[host] = max(until, self._next_seconds.get(host, 0.0))
        return self._next_seconds[host] - self._clock()

    async def answered(self, host: str) -> None:
        """See `Pace.answered`."""
        self._refusals.pop(host, None)


def any_chance() -> float:
    """From 0 to 1, for the jitter."""
    return random.random()  # noqa: S311 a pause is no secret
