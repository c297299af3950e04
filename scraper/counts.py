"""Read the counts that sites print: "12 345", "1.2K", "1,2 Mio.", "9968202".

A count is exact, or a range (an abbreviation stands for all numbers it could be short for), or unknown with a
reason. Nothing is guessed: "1.234" is twelve hundred in one language and no count at all in another, so without a
language it is unknown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Abbreviation(StrEnum):
    """How a site shortens 32,999: truncated to "32K", rounded to "33K", or nobody knows."""

    TRUNCATED = "truncated"
    ROUNDED = "rounded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Range:
    """All that an abbreviated count can stand for: `low` to `high`, both included. `text` is what was printed."""

    low: int
    high: int
    text: str


@dataclass(frozen=True, slots=True)
class Count:
    """One printed count: `exact`, or a `range`, or neither and the `reason`."""

    exact: int | None = None
    range: Range | None = None
    reason: str | None = None

    def agrees(self, other: Count) -> bool:
        """Whether both could be the same number. A range gives way by one unit, for sites that do both."""
        one, two = self._bounds(), other._bounds()
        if one is None or two is None:
            return True
        slack = max(high - low + 1 if count.range else 0 for count, (low, high) in ((self, one), (other, two)))
        return one[0] - slack <= two[1] and two[0] - slack <= one[1]

    def _bounds(self) -> tuple[int, int] | None:
        if self.exact is not None:
            return self.exact, self.exact
        return (self.range.low, self.range.high) if self.range else None


_THOUSAND, _MILLION, _BILLION = 10**3, 10**6, 10**9

# Suffixes that mean the same in every language that uses them.
_EVERYWHERE: Mapping[str, int] = {
    "k": _THOUSAND, "m": _MILLION, "b": _BILLION, "bn": _BILLION, "g": _BILLION,
    "tsd": _THOUSAND, "mio": _MILLION, "mrd": _BILLION,
    "mln": _MILLION, "mld": _BILLION, "tys": _THOUSAND, "tis": _THOUSAND, "milj": _MILLION, "mill": _MILLION,
    "тыс": _THOUSAND, "млн": _MILLION, "млрд": _BILLION, "тис": _THOUSAND, "хил": _THOUSAND,
    "万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8, "천": _THOUSAND, "만": 10**4, "억": 10**8,
}  # fmt: skip

# Suffixes that mean something else, or only something, in one language.
_IN_LANGUAGE: Mapping[str, Mapping[str, int]] = {
    "ca": {"mil": _THOUSAND},
    "cs": {"mil": _MILLION},
    "da": {"t": _THOUSAND},
    "es": {"mil": _THOUSAND, "mm": _BILLION},
    "fi": {"t": _THOUSAND},
    "fr": {"md": _BILLION, "mds": _BILLION},
    "gl": {"mil": _THOUSAND},
    "hr": {"mil": _MILLION},
    "hu": {"e": _THOUSAND},
    "id": {"rb": _THOUSAND, "jt": _MILLION, "m": _BILLION},
    "pt": {"mil": _THOUSAND, "mi": _MILLION, "bi": _BILLION},
    "ro": {"mii": _THOUSAND, "mil": _MILLION},
    "sk": {"mil": _MILLION},
    "sv": {"tn": _THOUSAND, "mn": _MILLION, "md": _BILLION},
    "tr": {"b": _THOUSAND, "mn": _MILLION, "mr": _BILLION},
    "vi": {"n": _THOUSAND, "tr": _MILLION, "t": _BILLION},
}

_DECIMAL_COMMA = frozenset({
    "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu",
    "hy", "id", "is", "it", "ka", "kk", "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro",
    "ru", "sk", "sl", "sq", "sr", "sv", "tr", "uk", "uz", "vi",
})  # fmt: skip
_DECIMAL_POINT = frozenset({
    "bn", "cy", "en", "fa", "fil", "ga", "gu", "he", "hi", "ja", "kn", "ko", "ml", "mr", "ms", "ne",
    "pa", "si", "sw", "ta", "te", "th", "ur", "zh",
})  # fmt: skip
# The regions that write numbers unlike the rest of their language.
_POINT_REGIONS = frozenset({
    "de-ch", "de-li", "es-419", "es-do", "es-gt", "es-hn", "es-mx", "es-ni", "es-pa",
    "es-pe", "es-pr", "es-sv", "es-us", "it-ch",
})  # fmt: skip
_COMMA_REGIONS = frozenset({"en-za"})

_NUMBER = re.compile(r"(?P<sign>[-\N{MINUS SIGN}]?)(?P<number>\d(?:[\d.,' ]*\d)?)")
_SUFFIX = re.compile(r" ?(?P<suffix>[^\W\d_]+)\.?")
_MYRIADS = "万萬億亿천만억"
# Words that make a number bigger, in languages whose abbreviations are not listed above (or mean two things).
_MAGNITUDES = frozenset({
    "mil", "mila", "mille", "tusen", "tuhat", "bin", "milyon", "hundred", "thousand", "million", "millions",
    "billion", "billions",
    "χιλ", "εκ", "ألف", "آلاف", "مليون", "ملايين", "مليار", "هزار", "میلیون", "میلیارد", "אלף", "מיליון",
    "हज़ार", "हजार", "लाख", "करोड़", "হাজার", "লাখ", "พัน", "หมื่น", "แสน", "ล้าน", "nghìn", "triệu", "ribu", "juta",
})  # fmt: skip
_LONGEST = 40
_FULL_GROUPS = re.compile(r"\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*")
_LAKH_GROUPS = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")


def read_count(text: str, *, language: str | None = None, abbreviation: Abbreviation = Abbreviation.UNKNOWN) -> Count:
    """What the whole of `text` counts. Never raises.

    `language` is a tag such as "de" or "es-MX", None where it is not known.
    """
    plain = normalised(text)
    if not plain:
        return Count(reason="nothing is printed")
    if len(plain) > _LONGEST:
        return Count(reason="too long for a count")
    found = _NUMBER.match(plain)
    if not found:
        return Count(reason=f"no number in {plain!r}")
    rest = plain[found.end() :]
    multiplier = suffix_multiplier(rest, language) if rest else 1
    if not multiplier:
        return Count(reason=f"{rest.strip()!r} after the number is not understood")
    return _valued(found, multiplier, language, abbreviation)


def count_among_words(
    text: str, *, language: str | None = None, abbreviation: Abbreviation = Abbreviation.UNKNOWN
) -> tuple[Count, str]:
    """The one count in `text`, as in "2534 Replies. Reply", and the words around it. Never raises.

    Words of any language may stand around it, as long as none of them changes what the number means.
    """
    plain = normalised(text)
    numbers = list(_NUMBER.finditer(plain))
    if len(numbers) != 1:
        return Count(reason=f"{len(numbers)} numbers in {plain[:_LONGEST]!r}"), plain
    found = numbers[0]
    before, after = plain[: found.start()], plain[found.end() :]
    glued_before = before[-1:].isascii() and before[-1:].isalpha()
    multiplier, after = _split_suffix(after, language)
    words = f"{before} {after}"
    if not multiplier or glued_before or any(_makes_bigger(word) for word in words.casefold().split()):
        return Count(reason=f"{plain[:_LONGEST]!r} is not understood"), words
    return _valued(found, multiplier, language, abbreviation), words


def _makes_bigger(word: str) -> bool:
    # Thai and its like run words together, so there the beginning is enough.
    return word.strip(".,:;") in _MAGNITUDES or any(
        word.startswith(known) for known in _MAGNITUDES if not known.isascii()
    )


def _split_suffix(after: str, language: str | None) -> tuple[int, str]:
    """What the word right after a number multiplies it by (0: nobody knows), and what comes after that word."""
    word = _SUFFIX.match(after)
    if not word:
        return 1, after
    suffix = word["suffix"]
    if suffix[0] in _MYRIADS:
        return _EVERYWHERE[suffix[0]], after[word.start("suffix") + 1 :]
    multiplier = suffix_multiplier(word[0], language)
    if multiplier:
        return multiplier, after[word.end() :]
    # "12x" is no count, "12 likes" and "12件" are: scripts without blanks write the counted thing right after.
    glued = word.start("suffix") == 0 and unicodedata.name(suffix[0], "").startswith(("LATIN", "CYRILLIC", "GREEK"))
    return (0 if glued else 1), after


def normalised(text: str) -> str:
    """`text` with plain digits, plain spaces and plain apostrophes, without marks of direction, trimmed."""
    out = []
    for character in text[: _LONGEST * 10]:
        category = unicodedata.category(character)
        if category == "Nd":
            out.append(str(unicodedata.decimal(character)))
        elif category in {"Zs", "Cc"}:
            out.append(" ")
        elif category != "Cf":
            out.append(_PLAIN.get(character, character))
    return " ".join("".join(out).split())


_PLAIN = {
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{ARABIC THOUSANDS SEPARATOR}": "'",
    "\N{ARABIC DECIMAL SEPARATOR}": ",",
    "\N{ARABIC COMMA}": ",",
    "\N{FULLWIDTH COMMA}": ",",
    "\N{FULLWIDTH FULL STOP}": ".",
}


def suffix_multiplier(text: str, language: str | None) -> int:
    """What an abbreviation such as "K" or " Mio." stands for in `language`; 0 where that is not known."""
    found = _SUFFIX.fullmatch(text)
    if not found:
        return 0
    suffix = found["suffix"].casefold()
    base = (language or "").casefold().split("-")[0]
    own = _IN_LANGUAGE.get(base, {})
    return own.get(suffix) or _EVERYWHERE.get(suffix, 0)


def _valued(found: re.Match[str], multiplier: int, language: str | None, abbreviation: Abbreviation) -> Count:
    text, sign = found.string[:_LONGEST], found["sign"]
    parsed = _parse_number(found["number"], _decimal_sign(language))
    if isinstance(parsed, str):
        return Count(reason=f"{text!r}: {parsed}")
    whole, decimals = parsed
    if multiplier == 1:
        if decimals:
            return Count(reason=f"{text!r}: a fraction is no count")
        return Count(exact=-int(whole) if sign else int(whole))
    unit = multiplier // 10 ** len(decimals)
    if len(decimals) > 2 or not unit:
        return Count(reason=f"{text!r}: an unusual abbreviation")
    low, high = _range(int(Decimal(f"{whole}.{decimals or 0}") * multiplier), unit, abbreviation)
    return Count(range=Range(-high, -low, text) if sign else Range(low, high, text))


def _range(value: int, unit: int, abbreviation: Abbreviation) -> tuple[int, int]:
    rounded_low, rounded_high = max(value - unit // 2, 0), value + unit // 2 - 1
    truncated_high = value + unit - 1
    if abbreviation is Abbreviation.TRUNCATED:
        return value, truncated_high
    if abbreviation is Abbreviation.ROUNDED:
        # Half a unit more may round either way (to even, or up), so both ends include it.
        return rounded_low, rounded_high + 1
    return rounded_low, truncated_high


def _decimal_sign(language: str | None) -> str | None:
    tag = (language or "").casefold().replace("_", "-")
    base = tag.split("-")[0]
    if tag in _POINT_REGIONS:
        return "."
    if tag in _COMMA_REGIONS or base in _DECIMAL_COMMA:
        return ","
    return "." if base in _DECIMAL_POINT else None


def _parse_number(number: str, decimal_sign: str | None) -> tuple[str, str] | str:
    """The digits before and after the decimal sign, or why they can't be told apart."""
    marks = [character for character in number if not character.isdigit()]
    if not marks:
        return number, ""
    last = marks[-1]
    whole, _, tail = number.rpartition(last)
    if len(set(marks)) > 1:
        if last not in ".," or marks.count(last) > 1 or not _grouped(whole):
            return "separators don't add up"
        return _digits(whole), tail
    if last in "' " or len(marks) > 1:
        return (_digits(number), "") if _grouped(number) else "separators don't add up"
    return _one_mark(whole, tail, last, decimal_sign)


def _one_mark(whole: str, tail: str, mark: str, decimal_sign: str | None) -> tuple[str, str] | str:
    """One point or comma: a decimal sign, or the sign of thousands?"""
    could_group = len(tail) == 3 and len(whole) <= 3 and not whole.startswith("0")
    if not could_group:
        return whole, tail
    if decimal_sign is None:
        return f"{mark!r} may be a decimal sign or one of thousands"
    return (whole, tail) if mark == decimal_sign else (whole + tail, "")


def _grouped(text: str) -> bool:
    return bool(_FULL_GROUPS.fullmatch(text) or _LAKH_GROUPS.fullmatch(text))


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
