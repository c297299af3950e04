"""Addresses under which browsers die.

When a renderer crashes, the address that was open in it is struck; when a whole browser dies, so is every address
that was open in it, since nobody can tell which one did it. An address that is opened again and does well is cleared:
so the innocent are out at their next visit, and the one that kills comes to its last strike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urldefrag

from cachetools import TTLCache

from browser_pool.errors import UrlQuarantined

REMEMBERED = 10_000


class Quarantine:
    """Strikes by address, without the part after the #. They are forgotten `seconds` after the last one."""

    def __init__(
        self,
        deaths: int,
        seconds: float,
        *,
        on_quarantined: Callable[[str, int], None] = lambda _url, _deaths: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deaths = deaths
        self._seconds = seconds
        self._on_quarantined = on_quarantined
        self._clock = clock
        self._strikes: TTLCache[str, tuple[int, float]] = TTLCache(REMEMBERED, ttl=seconds, timer=clock)

    def check(self, url: str) -> None:
        """Raises `UrlQuarantined` for an address that has to be left alone."""
        count, struck_seconds = self._strikes.get(urldefrag(url).url, (0, 0.0))
        if count >= self._deaths:
            raise UrlQuarantined(url, count, struck_seconds + self._seconds - self._clock())

    def strike(self, url: str) -> None:
        """A browser or renderer died with this address open."""
        key = urldefrag(url).url
        count = self._strikes.get(key, (0, 0.0))[0] + 1
        self._strikes[key] = count, self._clock()
        if count == self._deaths:
            self._on_quarantined(key, count)

    def clear(self, url: str) -> None:
        """It was open, and nothing died."""
        self._strikes.pop(urldefrag(url).url, None)

    def quarantined(self) -> tuple[str, ...]:
        """The addresses that are left alone now."""
        return tuple(url for url, (count, _) in self._strikes.items() if count >= self._deaths)
