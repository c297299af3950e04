"""What a page is not allowed to fetch: addresses by pattern, and whole kinds of things.

Chromium itself refuses addresses, without a word to us. A kind has to be asked about request by request, which costs
a round trip for each that is refused and nothing for the others. Neither switches the HTTP cache off, as
`page.route` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KINDS = {
    "stylesheet": "Stylesheet",
    "image": "Image",
    "media": "Media",
    "font": "Font",
    "script": "Script",
    "texttrack": "TextTrack",
    "xhr": "XHR",
    "fetch": "Fetch",
    "manifest": "Manifest",
    "ping": "Ping",
    "other": "Other",
}
"""Our names are Playwright's, to Chromium's."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """`urls` are patterns in which `*` stands for anything; `kinds` are keys of `KINDS`."""

    urls: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()

    @classmethod
    def of(cls, urls: Iterable[str], kinds: Iterable[str]) -> Blocking:
        """Raises `ValueError` for a kind that is none."""
        chosen = frozenset(kinds)
        unknown = sorted(chosen - set(KINDS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} can't be blocked; what can be: {', '.join(KINDS)}")
        return cls(tuple(urls), chosen)


NOTHING = Blocking()
