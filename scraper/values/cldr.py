"""What languages write, from the Unicode CLDR, by way of Babel: the one place that imports it.

Babel and one language take 6 MB and 40 ms, so it is loaded when a text first needs it: plain English never does.
Babel keeps every language that it has loaded; here each is reduced to the few words that are wanted, and let go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LANGUAGES_KEPT = 16
"""How many languages the caches of numerals and calendars hold: a page may claim any, one after the other."""

_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def plain_tag(language: str | None) -> str:
    """`language` as a lower-case tag ("de-ch"), empty where it is none."""
    tag = (language or "").strip().replace("_", "-")
    return tag.casefold() if len(tag) <= 35 and _TAG.fullmatch(tag) else ""


@contextmanager
def locale_data(tag: str) -> Iterator[Any]:
    """Babel's Locale for `tag` or the nearest wider one ("de-xx": "de"); None where CLDR does not know it."""
    from babel import Locale, UnknownLocaleError, localedata  # noqa: PLC0415 - 6 MB, for those who need it

    found = None
    parts = tag.split("-") if tag else []
    while parts and found is None:
        try:
            found = Locale.parse("-".join(parts), sep="-")
        except (UnknownLocaleError, ValueError):
            parts.pop()
    try:
        yield found
    finally:
        # It is a plain dict without a bound, and Babel has no other way to empty it.
        localedata._cache.clear()  # noqa: SLF001


def fields_of(locale: Any) -> Any:
    """Everything that CLDR says of a locale, aliases resolved; for what Locale has no property for."""
    from babel import localedata  # noqa: PLC0415

    data: Any = localedata.load(str(locale))
    return localedata.LocaleDataDict(data)
