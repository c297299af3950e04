"""Read the counts that sites print: "12 345", "1.2K", "1,2 Mio.", "9968202", "조회수 1.2만회".

A count is exact, or a range (an abbreviation stands for all numbers it could be short for), or unknown with a
reason. Nothing is guessed: "1.234" is twelve hundred in one language and no count at all in another, so without a
language it is unknown. So is "999+", which has no upper end, and all that is a number and no count: "12 %", "3rd",
"3-5", "2 h", "27 Sep".
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from scraper.values.count_words import why_no_count, why_not_sure
from scraper.values.numerals import DECIMAL_SIGN, ENGLISH_LETTERS, Numerals, normalised, numerals_of, runs_together

__all__ = ["Abbreviation", "Count", "Range", "count_among_words", "normalised", "read_count"]


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

    def contains(self, other: Count) -> bool:
        """Whether what the other says is within these bounds, or its bounds touch them."""
        one, two = self._bounds(), other._bounds()
        return one is None or two is None or (one[0] <= two[1] and two[0] <= one[1])

    def between(self, other: Count) -> Count | None:
        """The range of two exact counts that differ by one, as of a button before and after a press; or None."""
        if self.exact is None or other.exact is None or abs(self.exact - other.exact) != 1:
            return None
        low, high = sorted((self.exact, other.exact))
        return Count(range=Range(low, high, f"{low} and {high}"))

    def _bounds(self) -> tuple[int, int] | None:
        if self.exact is not None:
            return self.exact, self.exact
        return (self.range.low, self.range.high) if self.range else None


_NUMBER = re.compile(rf"(?P<sign>[-\N{{MINUS SIGN}}]?)(?P<number>\d(?:[\d.,' {DECIMAL_SIGN}]*\d)?)")
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
        return Count(reason=why_no_count("", plain, language) or f"no number in {plain!r}")
    numerals = numerals_of(language)
    after = plain[found.end() :]
    power, word, rest = numerals.power(after) if after else (1, "", "")
    if rest:
        why = why_no_count("", rest, language)
        return Count(reason=why or f"{rest.strip()!r} after the number is not understood")
    return _valued(found, _Power(power, word), numerals, abbreviation)


def count_among_words(
    text: str,
    *,
    language: str | None = None,
    abbreviation: Abbreviation = Abbreviation.UNKNOWN,
    counted: Container[str] = (),
) -> tuple[Count, str]:
    """The one count in `text`, as in "2534 Replies. Reply", and the words around it. Never raises.

    Any words may stand around it, as long as none of them changes what the number means. Without a language a word
    may be its word for a thousand: then only the common English ones may, and those in `counted` (in lower case).
    """
    plain = normalised(text)
    numbers = list(_NUMBER.finditer(plain))
    if len(numbers) != 1:
        return Count(reason=f"{len(numbers)} numbers in {plain[:_LONGEST]!r}"), plain
    found = numbers[0]
    numerals = numerals_of(language)
    before = plain[: found.start()]
    power, word, after = numerals.power(plain[found.end() :])
    words = f"{before} {after}"
    why = _why_not_among(before, word, after, found["sign"]) or why_no_count(before, after, language)
    if not why and numerals.decimal is None and " ".join(words.casefold().split()).strip(" .:") not in counted:
        why = why_not_sure(before, after)
    elif not why and any(before.casefold().rstrip(" ").endswith(name) for name in numerals.before):
        why = "the word before the number changes it"
    if why:
        return Count(reason=f"{plain[:_LONGEST]!r}: {why}"), words
    return _valued(found, _Power(power, word), numerals, abbreviation), words


@dataclass(frozen=True, slots=True)
class _Power:
    """What an abbreviation multiplies by (0: two things), and the abbreviation in lower case."""

    value: int
    word: str


def _why_not_among(before: str, word: str, after: str, sign: str) -> str | None:
    """Why a number with these texts right at its sides is none that counts; None where nothing speaks against it."""
    last, first = before[-1:], after[:1]
    if sign and last not in ("", " ", "("):
        return "a number after a dash is no count"
    if last.isalpha() and not runs_together(last):
        return f"the number belongs to {before.rsplit(maxsplit=1)[-1]!r}"
    # "12x" is no count, "12 likes" and "12件" are: scripts without blanks write the counted thing right after.
    if first.isalpha() and not word and not runs_together(first):
        return f"{after.split(maxsplit=1)[0]!r} right after the number is not understood"
    if first == "." and after != ".":
        return "a number with a point after it may be an ordinal"
    return None


def _valued(found: re.Match[str], power: _Power, numerals: Numerals, abbreviation: Abbreviation) -> Count:
    text, sign = found.string[:_LONGEST], found["sign"]
    parsed = _parse_number(found["number"], numerals, abbreviated=power.value != 1)
    if isinstance(parsed, str):
        return Count(reason=f"{text!r}: {parsed}")
    whole, decimals, mark = parsed
    value = _settled_power(power, mark, numerals)
    if not value:
        return Count(reason=f"{text!r}: {power.word!r} may stand for two numbers here")
    if value == 1:
        if decimals:
            return Count(reason=f"{text!r}: a fraction is no count")
        return Count(exact=-int(whole) if sign else int(whole))
    unit = value // 10 ** len(decimals)
    if len(decimals) > 2 or not unit:
        return Count(reason=f"{text!r}: an unusual abbreviation")
    low, high = _range(int(Decimal(f"{whole}.{decimals or 0}") * value), unit, abbreviation)
    return Count(range=Range(-high, -low, text) if sign else Range(low, high, text))


def _settled_power(power: _Power, mark: str, numerals: Numerals) -> int:
    """What the abbreviation stands for beside a number with this decimal mark; 0 where that may be two things."""
    english = ENGLISH_LETTERS.get(power.word)
    if numerals.decimal is None and power.word == "m":
        # Where it means something else than in English, a comma is the decimal sign.
        return power.value if mark == "." else 0
    if english is None or numerals.decimal is None or not mark or mark == numerals.decimal:
        return power.value
    # A number that is not written as the language writes it: its letter may be English too.
    return power.value if power.value == english else 0


def _range(value: int, unit: int, abbreviation: Abbreviation) -> tuple[int, int]:
    rounded_low, rounded_high = max(value - unit // 2, 0), value + unit // 2 - 1
    truncated_high = value + unit - 1
    if abbreviation is Abbreviation.TRUNCATED:
        return value, truncated_high
    if abbreviation is Abbreviation.ROUNDED:
        # Half a unit more may round either way (to even, or up), so both ends include it.
        return rounded_low, rounded_high + 1
    return rounded_low, truncated_high


def _parse_number(number: str, numerals: Numerals, *, abbreviated: bool) -> tuple[str, str, str] | str:
    """The digits before and after the decimal sign, and that sign; or why they can't be told apart."""
    marks = [character for character in number if not character.isdigit()]
    if not marks:
        return number, "", ""
    last = marks[-1]
    whole, _, tail = number.rpartition(last)
    if len(set(marks)) > 1:
        if last not in ".," + DECIMAL_SIGN or marks.count(last) > 1 or not _grouped(whole):
            return "separators don't add up"
        return _digits(whole), tail, last
    if last in "' " or len(marks) > 1:
        return (_digits(number), "", "") if _grouped(number) else "separators don't add up"
    if last == DECIMAL_SIGN:
        return whole, tail, last
    return _one_mark(whole, tail, last, numerals, abbreviated=abbreviated)


def _one_mark(
    whole: str, tail: str, mark: str, numerals: Numerals, *, abbreviated: bool
) -> tuple[str, str, str] | str:
    """One point or comma: a decimal sign, or the sign of thousands?"""
    could_group = len(tail) == 3 and len(whole) <= 3 and not whole.startswith("0")
    if not could_group or mark == numerals.decimal:
        return whole, tail, mark
    # Without an abbreviation it can't be a fraction, whatever sign of thousands the language prefers.
    if numerals.decimal is None or (abbreviated and mark != numerals.group):
        return f"{mark!r} may be a decimal sign or one of thousands"
    return whole + tail, "", ""


def _grouped(text: str) -> bool:
    return bool(_FULL_GROUPS.fullmatch(text) or _LAKH_GROUPS.fullmatch(text))


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
