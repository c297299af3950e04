"""What a page is not allowed to fetch: addresses by pattern, and whole kinds of things.

Chromium itself refuses addresses, without a word to us. A kind has to be asked about request by request, which costs
a round trip for each that is refused and nothing for the others. Neither switches the HTTP cache off, as
`page.route` does.

There are as many kinds as Chromium tells apart where it asks. It does not know a fetch from an XMLHttpRequest there,
nor a text track or a manifest from anything else.
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
    "xhr": "XHR",
    "fetch": "XHR",
    "ping": "Ping",
    "other": "Other",
}
"""Our names are Playwright's, to Chromium's. "xhr" and "fetch" are one."""


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

    def refuses(self, url: str, chromium_kind: str) -> bool:
        """Whether a request is not to be made. Pure."""
        return any(KINDS[kind] == chromium_kind for kind in self.kinds) or any(fits(url, one) for one in self.urls)


NOTHING = Blocking()


def fits(url: str, pattern: str) -> bool:
    """As Chromium does it: the parts between the `*` are in the address, one after the other. Pure."""
    at = 0
    for part in pattern.split("*"):
        at = url.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True
