"""How a language writes numbers: its decimal sign, and what its abbreviations stand for.

CLDR has it for nearly every language (scraper.values.cldr). Written down here is only what sites print and CLDR does
not say, what means the same everywhere, and plain English, so that most pages load nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from scraper.values.cldr import LANGUAGES_KEPT, locale_data, plain_tag

DECIMAL_SIGN = "\N{ARABIC DECIMAL SEPARATOR}"
"""The one sign that is a decimal sign wherever it is printed."""

_PLAIN = {
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{ARABIC THOUSANDS SEPARATOR}": "'",
    "\N{ARABIC COMMA}": ",",
    "\N{FULLWIDTH COMMA}": ",",
    "\N{FULLWIDTH FULL STOP}": ".",
}
LONGEST_TEXT = 400
WORD = re.compile(r"[^\W\d_][^\s\d.,;:!?()|/#\[\]\"“”«»\u2013—-]*")
"""A word. The marks of Indian scripts are no letters to `re`, so it ends where something else begins."""


def normalised(text: str) -> str:
    """`text` with plain digits, plain spaces and plain apostrophes, without marks of direction, trimmed."""
    text = text[:LONGEST_TEXT]
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    out = []
    for character in text:
        category = unicodedata.category(character)
        if category == "Nd":
            out.append(str(unicodedata.decimal(character)))
        elif category in {"Zs", "Zl", "Zp", "Cc"}:
            out.append(" ")
        elif category != "Cf":
            out.append(_PLAIN.get(character, character))
    return " ".join("".join(out).split())


@dataclass(frozen=True, slots=True)
class Numerals:
    """One language's way to write numbers.

    `powers`: what each abbreviation or word multiplies by, in lower case without a final point; 0 where it means
    two things. `spaced`: those that mean this only with a blank before them, because without one they are English.
    `before`: words that stand before a number and multiply it.
    """

    decimal: str | None = None
    group: str | None = None
    powers: Mapping[str, int] = field(default_factory=dict)
    spaced: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()

    def power(self, after: str) -> tuple[int, str, str]:
        """What the beginning of `after` multiplies a number by, as (power, abbreviation, rest).

        The power is 1 where no abbreviation follows, and 0 where one follows that means two things.
        """
        trimmed = after.removeprefix(" ")
        folded = trimmed[:_LONGEST_POWER].casefold()
        # Case folding may change the length (rarely, and in no abbreviation): then the rest would be cut wrong.
        if len(folded) != len(trimmed[:_LONGEST_POWER]):
            return 1, "", after
        for length in range(len(folded), 0, -1):
            word = folded[:length]
            if word in self.powers and _ends_a_word(word, folded[length : length + 1]):
                rest = trimmed[length:]
                if word in self.spaced and trimmed == after:
                    return 0, word, rest
                return self.powers[word], word, rest.removeprefix(".")
        return 1, "", after


_LONGEST_POWER = 24


def _ends_a_word(word: str, after: str) -> bool:
    return not after.isalpha() or runs_together(word[-1])


def runs_together(character: str) -> bool:
    """Whether words of this script are written without blanks between them."""
    return "\u0e00" <= character <= "\u0eff" or "\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af"


_THOUSAND, _MILLION, _BILLION, _TRILLION = 10**3, 10**6, 10**9, 10**12

# The letters of English, which sites print in other languages too.
ENGLISH_LETTERS: Mapping[str, int] = {"k": _THOUSAND, "m": _MILLION, "b": _BILLION, "t": _TRILLION}

# What stands for one number only, in all languages that CLDR knows.
_EVERYWHERE: Mapping[str, int] = {
    "k": _THOUSAND, "tsd": _THOUSAND, "mio": _MILLION, "mrd": _BILLION, "mln": _MILLION, "mld": _BILLION,
    "tys": _THOUSAND, "tis": _THOUSAND, "milj": _MILLION, "mill": _MILLION,
    "тыс": _THOUSAND, "млн": _MILLION, "млрд": _BILLION, "тис": _THOUSAND, "хил": _THOUSAND,
    "万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8, "万亿": _TRILLION,
    "천": _THOUSAND, "만": 10**4, "억": 10**8,
}  # fmt: skip

_ENGLISH: Mapping[str, int] = {
    **_EVERYWHERE, **ENGLISH_LETTERS, "bn": _BILLION, "mn": _MILLION, "tn": _TRILLION,
    "thousand": _THOUSAND, "million": _MILLION, "billion": _BILLION, "trillion": _TRILLION,
}  # fmt: skip

# What sites print in these languages and CLDR lacks.
_BY_SITES: Mapping[str, Mapping[str, int]] = {
    "en-in": {"lakh": 10**5, "lakhs": 10**5, "lac": 10**5, "crore": 10**7, "crores": 10**7, "l": 10**5, "cr": 10**7},
    "es": {"mm": _BILLION},
    "fr": {"mds": _BILLION, "mrd": _BILLION},
    "hi": {"हजार": _THOUSAND},
    "ja": {"千": _THOUSAND},
    "pt": {"m": _MILLION},
    "sv": {"t": _THOUSAND, "milj": _MILLION},
    "vi": {"tỉ": _BILLION},
    "zh": {"千": _THOUSAND, "w": 10**4, "萬": 10**4, "億": 10**8},
}

# "M" is a thousand million in Indonesian, "B" a thousand in Turkish and a million million in Spanish.
_UNKNOWN = Numerals(powers={**_EVERYWHERE, "m": _MILLION, "b": 0, "t": 0})
_PLAIN_ENGLISH = Numerals(decimal=".", group=",", powers=_ENGLISH)
_PLAIN_ENGLISH_TAGS = frozenset({"en", "en-us", "en-gb", "en-ca", "en-au", "en-nz", "en-ie"})


@lru_cache(maxsize=LANGUAGES_KEPT)
def numerals_of(language: str | None) -> Numerals:
    """How `language` ("de", "es-MX") writes numbers; only what is the same everywhere where it is not known."""
    tag = plain_tag(language)
    if tag in _PLAIN_ENGLISH_TAGS:
        return _PLAIN_ENGLISH
    if not tag:
        return _UNKNOWN
    with locale_data(tag) as locale:
        return _UNKNOWN if locale is None else _from_cldr(locale, tag)


def _from_cldr(locale: Any, tag: str) -> Numerals:
    symbols = locale.number_symbols.get("latn", {})
    decimal, group = symbols.get("decimal"), symbols.get("group")
    own, before = _cldr_powers(locale)
    base = tag.split("-", maxsplit=1)[0]
    by_sites = {**_BY_SITES.get(base, {}), **_BY_SITES.get(tag, {})}
    english = _ENGLISH if base == "en" else ENGLISH_LETTERS
    powers = {**_EVERYWHERE, **english, **by_sites, **own}
    contested = frozenset(word for word, power in ENGLISH_LETTERS.items() if own.get(word, power) != power)
    return Numerals(decimal, normalised_group(group), powers, contested, before)


def normalised_group(group: str | None) -> str | None:
    """The sign between groups as `normalised` leaves it."""
    if group and unicodedata.category(group[0]) == "Zs":
        return " "
    return _PLAIN.get(group, group) if group else None


_ZEROS = re.compile(r"0+")


def _cldr_powers(locale: Any) -> tuple[dict[str, int], frozenset[str]]:
    """What follows a number in CLDR's short and long forms, and the words that come before one."""
    powers: dict[str, int] = {}
    before: set[str] = set()
    for forms in ("short", "long"):
        for by_magnitude in locale.compact_decimal_formats.get(forms, {}).values():
            for magnitude, pattern in by_magnitude.items():
                printed = normalised(getattr(pattern, "pattern", pattern).split(";")[0].replace("'", ""))
                zeros = _ZEROS.search(printed)
                if zeros is None:
                    continue
                prefix = printed[: zeros.start()].strip().casefold()
                suffix = printed[zeros.end() :].strip().rstrip(".").casefold()
                if prefix:
                    before.add(prefix)
                elif suffix:
                    power = 10 ** (len(magnitude) - len(zeros[0]))
                    powers[suffix] = power if powers.get(suffix, power) == power else 0
    return powers, frozenset(before)
