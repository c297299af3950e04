"""How often a host is asked: one turn after another, with jitter, and not before it said."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

BACK_OFF_SECONDS = 60.0
"""For a host that says "too many requests" and not for how long."""


def interval_seconds(requests_per_second: float, jitter: float, delay_seconds: float | None, chance: float) -> float:
    """The pause to the next request: never shorter than the site's own delay. `chance` is from 0 to 1."""
    pause = max(1 / requests_per_second, delay_seconds or 0.0)
    return pause * (1 + jitter * chance)


class Pace:
    """The next free turn of each host."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._next_seconds: dict[str, float] = {}

    def take_turn(
        self,
        host: str,
        *,
        requests_per_second: float,
        jitter: float,
        delay_seconds: float | None,
        most_seconds: float,
    ) -> float | None:
        """Take the next turn at `host`: how long to wait for it. None, and no turn, if over `most_seconds`."""
        now = self._clock()
        turn = max(now, self._next_seconds.get(host, now))
        if turn - now > most_seconds:
            return None
        pause = interval_seconds(requests_per_second, jitter, delay_seconds, self._chance())
        self._next_seconds[host] = turn + pause
        return turn - now

    def wait_seconds(self, host: str) -> float:
        """How long until the next turn at `host`."""
        return max(0.0, self._next_seconds.get(host, 0.0) - self._clock())

    def back_off(self, host: str, seconds: float | None) -> None:
        """Leave `host` alone for so long."""
        until = self._clock() + (BACK_OFF_SECONDS if seconds is None else seconds)
        self._next_seconds[host] = max(until, self._next_seconds.get(host, 0.0))

    async def wait(self, seconds: float) -> None:
        """Wait for a turn that was taken."""
        if seconds > 0:
            await asyncio.sleep(seconds)
