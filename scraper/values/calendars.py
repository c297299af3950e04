"""The names that a language has for months, days and units of time.

CLDR has them for nearly every language (scraper.values.cldr). Written down here is plain English, so that most pages
load nothing, and the short forms of social sites ("2h", "vor 3 Std."), which CLDR lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from scraper.values.cldr import LANGUAGES_KEPT, fields_of, locale_data, plain_tag
from scraper.values.numerals import WORD, normalised, runs_together
from scraper.values.unit_words import ENGLISH_UNITS, FILLERS, UNITS, units_of

AM, PM = (0, 43_200), (43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Calendar:
    """One language's names, all normalised and in lower case, without a final point."""

    months: Mapping[str, int] = field(default_factory=dict)
    weekdays: Mapping[str, int] = field(default_factory=dict)
    """Monday is 0."""
    parts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """The names of a.m., p.m. and other parts of the day: when each begins and is over, in seconds since midnight."""
    fillers: frozenset[str] = frozenset()
    """Words that may stand in a date and say nothing."""
    ages: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)
    """What is printed for an age, with "#" for its number: the unit, and the number where none is printed."""
    order: str = ""
    """Of a numeric date that ends with its year: "dmy", "mdy", or empty where that is not sure."""
    halved: bool = False
    """Whether hours usually run to twelve."""
    dotted: bool = False
    """Whether a point stands between hours and minutes."""

    def words(self) -> Iterator[str]:
        """All names of months and weekdays, of which some are several words."""
        yield from self.months
        yield from self.weekdays


_ENGLISH_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july",
    "august", "september", "october", "november", "december",
)  # fmt: skip
_ENGLISH_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ENGLISH_ORDERS = {
    "en-us": "mdy",
    **dict.fromkeys(("en-gb", "en-au", "en-nz", "en-ie", "en-in", "en-sg", "en-hk"), "dmy"),
}
_HALVED = frozenset({"en-us", "en-ca", "en-au", "en-nz", "en-in", "en"})


def _english(tag: str) -> Calendar:
    months = {name: number for number, name in enumerate(_ENGLISH_MONTHS, 1)}
    months |= {name[:3]: number for name, number in months.items()} | {"sept": 9}
    days = {name: number for number, name in enumerate(_ENGLISH_DAYS)}
    days |= {name[:3]: number for name, number in days.items()} | {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
    return Calendar(
        months,
        days,
        dict.fromkeys(("am", "a.m", "a. m"), AM) | dict.fromkeys(("pm", "p.m", "p. m"), PM),
        frozenset({"at", "on", "of", "the", "st", "nd", "rd", "th"}),
        order=_ENGLISH_ORDERS.get(tag, ""),
        halved=tag in _HALVED,
    )


NONE = Calendar()


@lru_cache(maxsize=LANGUAGES_KEPT)
def calendar_of(language: str | None) -> Calendar:
    """The names of `language`; no names where it is not known."""
    tag = plain_tag(language)
    if tag.split("-")[0] == "en":
        return _english(tag)
    if not tag:
        return NONE
    with locale_data(tag) as locale:
        return NONE if locale is None else _from_cldr(locale)


def _from_cldr(locale: Any) -> Calendar:
    dates = {name: form.pattern for name, form in locale.date_formats.items()}
    times = {name: form.pattern for name, form in locale.time_formats.items()}
    weekdays = _names(locale.days)
    return Calendar(
        months=_names(locale.months),
        weekdays=weekdays,
        parts=_parts(locale.day_periods.get("format", {}), locale.day_period_rules.get(None, {})),
        fillers=frozenset(_fillers(locale, [*dates.values(), *times.values()]))
        | FILLERS.get(locale.language, frozenset()),
        ages=_ages(fields_of(locale)),
        order=_order(dates.get("short", "")),
        halved="h" in times.get("short", ""),
        dotted="H.mm" in times.get("short", "") or "HH.mm" in times.get("short", ""),
    )


def _holds(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer == inner or outer[0] <= inner[0] < inner[1] <= outer[1]


def name_of(text: str) -> str:
    """A name as it is looked up: normalised, in lower case, without a final point."""
    return normalised(text).casefold().rstrip(".")


def _parts(by_width: Mapping[str, Mapping[str, str]], rules: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    spans = {"am": AM, "pm": PM}
    for part, (rule, *others) in rules.items():
        if not others:
            spans[part] = (rule["at"], rule["at"] + 60) if "at" in rule else (rule["from"], rule["before"])
    found: dict[str, tuple[int, int]] = {}
    twice: set[str] = set()
    for part, span in spans.items():
        for width, names in by_width.items():
            name = name_of(names.get(part, "")) if width != "narrow" else ""
            # Some languages call a part of the morning as they call a.m.: the wider one holds for both.
            if name and not _holds(found.setdefault(name, span), span):
                twice.add(name)
    return {name: span for name, span in found.items() if name not in twice}


def _names(by_context: Mapping[str, Mapping[str, Mapping[int, str]]]) -> dict[str, int]:
    """By name its number, in all contexts and widths but the narrowest; without names that mean two things."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    for by_width in by_context.values():
        for width, names in by_width.items():
            for number, printed in names.items() if width != "narrow" else ():
                name = name_of(printed)
                if found.setdefault(name, number) != number:
                    twice.add(name)
    return {name: number for name, number in found.items() if name not in twice and not name.isdigit() and name}


def _order(pattern: str) -> str:
    day, month, year = (pattern.find(letter) for letter in "dMy")
    if min(day, month, year) < 0 or year < max(day, month):
        return ""
    return "dmy" if day < month else "mdy"


_QUOTED = re.compile(r"'([^']*)'")
_LETTERS = re.compile(r"[a-zA-Z]")


def _fillers(locale: Any, patterns: Iterable[str]) -> Iterator[str]:
    glue = [str(getattr(form, "pattern", form)) for form in locale.datetime_formats.values() if form]
    skeletons = [form.pattern for name, form in locale.datetime_skeletons.items() if not set(name) & set("GQwWE")]
    for pattern in (*patterns, *skeletons, *glue):
        for quoted in _QUOTED.findall(pattern):
            yield from WORD.findall(name_of(quoted))
        yield from WORD.findall(_LETTERS.sub(" ", name_of(_QUOTED.sub(" ", pattern))))


_ONLY = {"one": 1, "two": 2}


def _ages(fields: Any) -> dict[str, tuple[str, int | None]]:
    """CLDR's phrases for the past, save those whose unit is a bare "m": months there, minutes on other sites."""
    found: dict[str, tuple[str, int | None]] = {}
    # CLDR has phrases that mean two things: Arabic has one of the past that is the future's too.
    twice = {printed for _, printed, _ in _phrases(fields, "future")}
    for unit, printed, plural in _phrases(fields, "past"):
        age = (unit, None if "#" in printed else _ONLY.get(plural))
        if ("#" in printed or age[1] is not None) and found.setdefault(printed, age) != age:
            twice.add(printed)
    sure = {printed: age for printed, age in found.items() if printed not in twice}
    return {printed: age for printed, age in sure.items() if "m" not in WORD.findall(printed)}


def _phrases(fields: Any, when: str) -> Iterator[tuple[str, str, str]]:
    """Each phrase with its unit and its plural form, "#" for its number."""
    for unit in UNITS:
        for width in ("", "-short", "-narrow"):
            phrases = (fields.get("date_fields", {}).get(unit + width) or {}).get(when, {})
            for plural, phrase in phrases.items():
                yield unit, name_of(phrase.replace("{0}", "#")), plural


def is_time_word(word: str, language: str | None) -> bool:
    """Whether `word` (in lower case) names a month, a weekday or a unit of time, in English or in `language`."""
    return word in _english_words() or word in _time_words(language)


@lru_cache(maxsize=1)
def _english_words() -> frozenset[str]:
    return frozenset({*_english("en").words(), *ENGLISH_UNITS, "ago", "am", "pm", "today", "yesterday"}) - {"may"}


@lru_cache(maxsize=LANGUAGES_KEPT)
def _time_words(language: str | None) -> frozenset[str]:
    calendar = calendar_of(language)
    said = {word for age in calendar.ages for word in WORD.findall(age)}
    # Short words are those of grammar ("il y a"), save the units that are listed.
    printed = {word for word in said if len(word) > 2 and not runs_together(word[0])}
    return frozenset({*calendar.words(), *units_of(language), *printed, *calendar.parts})
