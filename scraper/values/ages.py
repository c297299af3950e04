"""Read ages: "2h", "3 days ago", "vor 3 Stunden", "3時間前", "yesterday", "just now".

Nobody knows whether a site cuts "2.7 hours" to 2 or rounds it to 3. So "2 hours ago" is an age between 1.5 and 3
hours: all that either kind of site prints so. A month has 28 to 31 days, a year 365 or 366.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType

from scraper.values.calendars import calendar_of
from scraper.values.moments import Moment, local_moment, moment_between
from scraper.values.numerals import runs_together
from scraper.values.unit_words import (
    AFTER,
    BEFORE,
    DAYS,
    ENGLISH_UNITS,
    NOW,
    ONE,
    ONLY_WITH_A_MARK,
    base_of,
    units_of,
)

_SECONDS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "second": (1, 1),
        "minute": (60, 60),
        "hour": (3600, 3600),
        "day": (86_400, 86_400),
        "week": (604_800, 604_800),
        "month": (28 * 86_400, 31 * 86_400),
        "year": (365 * 86_400, 366 * 86_400),
    }
)
"""The shortest and the longest of each unit."""
_JUST_NOW = timedelta(minutes=2)
_DAY = timedelta(days=1)
_MOST = 9999

_ENGLISH_AGO = re.compile(r"(?:(about|over|almost) )?(\d{1,4}|an?|one) ([a-z]{2,})\.? ago")
_NUMBERED = re.compile(r"(\d{1,4}) ?(\D+)")
_NUMBER = re.compile(r"\d+")
# "About 3 hours" rounds as "3 hours" may; "over 2 years" is cut, "almost 3 years" is not there yet.
_HEDGES: Mapping[str, tuple[float, float]] = {"over": (0, 1), "almost": (-1, 0)}
_CUT_OR_ROUNDED = (-0.5, 1.0)


def read_age(plain: str, text: str, now: datetime, language: str | None, zone: tzinfo | None) -> Moment | None:
    """The moment that lies this age before `now`; None where this is no age. `plain` is `text`, normalised."""
    folded = plain.casefold().rstrip(".")
    if found := _ENGLISH_AGO.fullmatch(folded):
        return _english(found, text, now)
    base = base_of(language)
    if not base:
        return None
    if folded in NOW.get(base, ()):
        return moment_between(now - _JUST_NOW, now, text)
    if folded in DAYS.get(base, ()):
        return _named_day(DAYS[base][folded], text, now, zone)
    age = _short_form(folded, base) or _phrase(folded, language)
    return None if age is None else _aged(*age, text, now)


def days_ago(plain: str, language: str | None) -> tuple[int, str] | None:
    """How many days ago a day with a name of its own was that `plain` begins with, and what follows it."""
    folded = plain.casefold()
    for name, days in sorted(DAYS.get(base_of(language), {}).items(), key=lambda item: -len(item[0])):
        rest = folded.removeprefix(name)
        if rest != folded and (not rest[:1].isalpha() or runs_together(name[-1])):
            return days, rest
    return None


def _english(found: re.Match[str], text: str, now: datetime) -> Moment | None:
    hedge, number, word = found.groups()
    unit = ENGLISH_UNITS.get(word)
    if unit is None:
        return None
    return _aged(unit, int(number) if number.isdigit() else 1, text, now, _HEDGES.get(hedge or "", _CUT_OR_ROUNDED))


def _short_form(folded: str, base: str) -> tuple[str, int] | None:
    """A number and a unit, perhaps with the word that says that it is an age."""
    rest = folded
    marked = False
    for mark in BEFORE.get(base, ()):
        if rest.startswith(mark + " "):
            rest, marked = rest[len(mark) + 1 :], True
    for mark in AFTER.get(base, ()):
        if not marked and rest.endswith(mark) and (runs_together(mark[0]) or rest.endswith(" " + mark)):
            rest, marked = rest[: -len(mark)].rstrip(" "), True
    units = units_of(base)
    if found := _NUMBERED.fullmatch(rest):
        word = found[2].strip(" .")
        known = units.get(word)
        if known is None or (word in ONLY_WITH_A_MARK and not marked):
            return None
        return known, int(found[1])
    one, _, word = rest.partition(" ")
    if marked and one in ONE.get(base, ()) and len(word) > 1 and word in units:
        return units[word], 1
    return None


def _phrase(folded: str, language: str | None) -> tuple[str, int] | None:
    """A phrase of CLDR for the past, as it stands."""
    numbers = _NUMBER.findall(folded)
    if len(numbers) > 1:
        return None
    age = calendar_of(language).ages.get(_NUMBER.sub("#", folded))
    if age is None:
        return None
    unit, only = age
    return unit, only if only is not None else int(numbers[0])


def _aged(
    unit: str, number: int, text: str, now: datetime, slack: tuple[float, float] = _CUT_OR_ROUNDED
) -> Moment | None:
    if number > _MOST:
        return None
    shortest, longest = _SECONDS[unit]
    youngest = max(number + slack[0], 0) * shortest
    oldest = (number + slack[1]) * longest
    try:
        return moment_between(now - timedelta(seconds=oldest), now - timedelta(seconds=youngest), text)
    except OverflowError:
        return None


def _named_day(days: int, text: str, now: datetime, zone: tzinfo | None) -> Moment | None:
    """A whole day, up to `now`: "yesterday" of an unknown zone began at most 48 hours ago."""
    if zone is None:
        return moment_between(now - (days + 1) * _DAY, now - max(days - 1, 0) * _DAY, text)
    midnight = now.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    moment = local_moment(midnight - days * _DAY, _DAY, zone, text)
    return moment and moment_between(moment.earliest, min(moment.latest, now), text)
