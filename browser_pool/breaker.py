"""A pause before a browser is tried again that has just failed to start, the longer the more often it has.

It counts failures of browsers alone. What a site does wrong is the business of others (`scraper.pace`), and an
address that kills is that of `quarantine`: none of the three can shut another's door.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 0.5
MOST_SECONDS = 60.0


def pause_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row: 0.5 s, then twice as long each time, up to a minute. Pure."""
    if failures == 0:
        return 0.0
    return min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 16))


@dataclass(slots=True)
class Breaker:
    """The failures of one source of browsers, in a row. `detail` is what the last one said."""

    failures: int = 0
    detail: str = ""
    retry_at_seconds: float = 0.0

    def fail(self, detail: str, now_seconds: float) -> float:
        """It failed again. Returns the pause."""
        self.failures += 1
        self.detail = detail
        pause = pause_seconds(self.failures)
        self.retry_at_seconds = now_seconds + pause
        return pause

    def work(self) -> None:
        """It works."""
        self.failures, self.detail, self.retry_at_seconds = 0, "", 0.0

    def wait_seconds(self, now_seconds: float) -> float:
        """How long yet until it may be tried; 0 for now."""
        return max(0.0, self.retry_at_seconds - now_seconds)
