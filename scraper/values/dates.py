"""Read dates in the forms of a language: "27. September 2016", "Sep 27", "2016年9月27日", "27/09/2016 14:05".

A date is taken apart word by word, and every word has to be known: what is left over ("until", another calendar's
month, a range) makes it unknown. A printed weekday has to be the right one. The names are CLDR's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from scraper.values.ages import days_ago
from scraper.values.calendars import Calendar, calendar_of
from scraper.values.moments import Moment, local_moment, moment_between
from scraper.values.numerals import WORD, runs_together

FIRST_YEAR: Final = 1970
"""No post is older; 2569 is a year of another calendar."""
LAST_YEAR: Final = 2100
"""Where nobody knows what year it is."""

_DAY = timedelta(days=1)
_NUMERIC = re.compile(r"(?<![\d./-])(\d{1,4})( ?[./-] ?)(\d{1,2})\2(\d{1,4})\.?(?![\d/-]|\.\d)")
_TOGETHER = re.compile(r"(?<!\d)(?:(\d{4}) ?[年년] ?)?(\d{1,2}) ?(?:月|월) ?(?:(\d{1,2}) ?[日号號일])?(?![\d/-])")
_ORDINALS = r"(?:st|nd|rd|th|er|º|ª|\.)?"
_DAY_OR_YEAR = re.compile(rf"(?<![\d:.,/-])(\d{{1,4}}){_ORDINALS}(?![\d:/-])(?!\w)")
_CLOCK_TOGETHER = re.compile(r"(?<!\d)(\d{1,2}) ?(?:時|时|點|点|시) ?(?:(\d{1,2}) ?[分분] ?(?:(\d{1,2}) ?[秒초])?)?")
_OFFSET = re.compile(r"(?<=[\d\s])(?:utc|gmt)? ?([+-])(\d{1,2})(?::?([0-5]\d))?(?![\d:])")
_HARMLESS = re.compile(r"[\s,.;()|·•،、\u2013—-]+")


@dataclass(frozen=True, slots=True)
class _Clock:
    """A time of day: what was printed of it, its length, and whether it may be twelve hours later."""

    after_midnight: timedelta
    length: timedelta
    either_half: bool = False


def read_date(
    plain: str, text: str, now: datetime | None, language: str | None, zone: tzinfo | None
) -> Moment | None:
    """The span that a date stands for; None where it is none, or none that is sure. `plain` is `text`, normalised."""
    words = _words_of(language)
    if named := days_ago(plain, language):
        return None if now is None else _on_a_named_day(named, words, text, now, zone)
    rest, offset = _offset(plain.casefold())
    days = _days(rest, words, now)
    if days is None:
        return None
    start, length, rest = days
    if any(character.isdigit() for character in rest) and length != _DAY:
        return None
    clock = _clock(rest, words)
    if clock is None:
        return None
    found, rest = clock
    left = _leftover(rest, words, start if length == _DAY else None)
    if left is None:
        return None
    return _moment(start, length, found, (UTC if left.utc else None) or offset or zone, text)


def _moment(
    start: datetime, length: timedelta, clock: _Clock | None, zone: tzinfo | None, text: str
) -> Moment | None:
    if clock is None:
        return local_moment(start, length, zone, text)
    length = clock.length + (timedelta(hours=12) if clock.either_half else timedelta())
    return local_moment(start + clock.after_midnight, length, zone, text)


def _on_a_named_day(
    named: tuple[int, str], words: _Words, text: str, now: datetime, zone: tzinfo | None
) -> Moment | None:
    """The time of day on a day with a name of its own, as in "yesterday at 14:05"."""
    clock = _clock(named[1], words)
    if clock is None or clock[0] is None or _leftover(clock[1], words, None) is None:
        return None
    if zone is None:
        return moment_between(now - (named[0] + 1) * _DAY, now - max(named[0] - 1, 0) * _DAY, text)
    midnight = now.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    return _moment(midnight - named[0] * _DAY, _DAY, clock[0], zone, text)


def _offset(folded: str) -> tuple[str, tzinfo | None]:
    """A printed distance to UTC, right after a time."""
    found = _OFFSET.search(folded)
    if not found or ":" not in folded[: found.start()]:
        return folded, None
    hours, minutes = int(found[2]), int(found[3] or 0)
    if hours > 14:
        return folded, None
    away = timedelta(hours=hours, minutes=minutes)
    return folded[: found.start()] + folded[found.end() :], timezone(-away if found[1] == "-" else away)


def _days(folded: str, words: _Words, now: datetime | None) -> tuple[datetime, timedelta, str] | None:
    """The first local midnight of a date, how long it lasts, and the rest of the text."""
    for pattern, read in ((_NUMERIC, _numeric), (_TOGETHER, _together)):
        found = pattern.search(folded)
        if found and (pattern is _TOGETHER or 4 in {len(found[1]), len(found[4])}):
            span = read(found, words.calendar, now)
            return span and (*span, f"{folded[: found.start()]} | {folded[found.end() :]}")
    months = list(words.months.finditer(folded)) if words.months else []
    if len(months) != 1:
        return None
    month = words.calendar.months[months[0][0]]
    rest = f"{folded[: months[0].start()]} | {folded[months[0].end() :]}"
    clockless = _without_clock(rest, words)
    numbers = [found[1] for found in _DAY_OR_YEAR.finditer(clockless)]
    years = [int(number) for number in numbers if len(number) == 4]
    days = [int(number) for number in numbers if len(number) <= 2]
    if len(years) > 1 or len(days) > 1 or len(years) + len(days) != len(numbers):
        return None
    span = _span(years[0] if years else None, month, days[0] if days else None, now)
    return span and (*span, _DAY_OR_YEAR.sub(" ", clockless) + " | " + _only_clock(rest, words))


def _without_clock(rest: str, words: _Words) -> str:
    return words.clock.sub(" | ", _CLOCK_TOGETHER.sub(" | ", rest))


def _only_clock(rest: str, words: _Words) -> str:
    return " | ".join(found[0] for pattern in (words.clock, _CLOCK_TOGETHER) for found in pattern.finditer(rest))


def _numeric(found: re.Match[str], calendar: Calendar, now: datetime | None) -> tuple[datetime, timedelta] | None:
    first, sign, middle, last = found.groups()
    if len(first) == 4 and len(last) <= 2:
        return _span(int(first), int(middle), int(last), now)
    if len(last) != 4 or len(first) > 2:
        return None
    one, two = int(first), int(middle)
    order = calendar.order
    if one > 12 or one == two:
        order = "dmy"
    elif two > 12:
        order = "mdy"
    # With points the month does not come first, whoever claims it: it is a page in another language.
    if not order or (order == "mdy" and "." in sign):
        return None
    day, month = (one, two) if order == "dmy" else (two, one)
    return _span(int(last), month, day, now)


def _together(found: re.Match[str], calendar: Calendar, now: datetime | None) -> tuple[datetime, timedelta] | None:
    del calendar  # the signs say what is what
    year, month, day = (int(number) if number else None for number in found.groups())
    return None if month is None else _span(year, month, day, now)


def _span(year: int | None, month: int, day: int | None, now: datetime | None) -> tuple[datetime, timedelta] | None:
    """The days that a date stands for. Sites leave out the year for the last twelve months only."""
    latest = now.astimezone(UTC).replace(tzinfo=None) + _DAY if now else None
    try:
        if year is None:
            if day is None or latest is None:
                return None
            same_year = [_day_or_none(latest.year - back, month, day) for back in (0, 1)]
            start = next((one for one in same_year if one is not None and one <= latest), None)
            return None if start is None or latest - start > timedelta(days=367) else (start, _DAY)
        if not FIRST_YEAR <= year <= (latest.year + 1 if latest else LAST_YEAR):
            return None
        if day is not None:
            return datetime(year, month, day), _DAY  # noqa: DTZ001 - local, its zone is not known yet
        start = datetime(year, month, 1)  # noqa: DTZ001
        return start, (start + timedelta(days=32)).replace(day=1) - start
    except ValueError:
        return None


def _day_or_none(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day)  # noqa: DTZ001
    except ValueError:
        return None


def _clock(rest: str, words: _Words) -> tuple[_Clock | None, str] | None:
    """The time of day in `rest`, and what is left of it; None where there are two, or one that is none."""
    found = [*words.clock.finditer(rest), *_CLOCK_TOGETHER.finditer(rest)]
    if not found:
        return None if any(character.isdigit() for character in rest) else (None, rest)
    if len(found) > 1:
        return None
    clock = found[0]
    parts = clock.groupdict()
    before, after = _half_at_end(rest[: clock.start()], words), parts.get("half")
    half = before[1] if before else after
    numbers = clock.groups()[:3] if not parts else (parts["h"], parts["m"] or parts["am"], parts["s"] or parts["as"])
    read = _time_of_day(numbers, words.calendar.parts.get(half.rstrip(".")) if half else None, words.calendar)
    left = (before[0] if before else rest[: clock.start()]) + " | " + rest[clock.end() :]
    if read is None or (before and after) or any(character.isdigit() for character in left):
        return None
    return read, left


def _half_at_end(text: str, words: _Words) -> tuple[str, str] | None:
    """The half of the day that stands right before a time, as in Chinese and Korean, and what is before it."""
    stripped = text.rstrip(" |")
    for half in sorted(words.calendar.parts, key=len, reverse=True):
        start = len(stripped) - len(half)
        alone = start <= 0 or not stripped[start - 1].isalpha() or runs_together(half[0])
        if stripped.endswith(half) and alone:
            return stripped[:start], half
    return None


def _time_of_day(numbers: Iterable[str | None], part: tuple[int, int] | None, calendar: Calendar) -> _Clock | None:
    printed = [number for number in numbers if number is not None]
    hour, minute, second = [int(number) for number in printed] + [0] * (3 - len(printed))
    if hour > 23 or minute > 59 or second > 59 or (len(printed) == 1 and part is None and not calendar.months):
        return None
    if part is not None:
        in_part = [one for one in _hours(hour) if _is_in(part, (one * 60 + minute) * 60 + second)]
        if len(in_part) != 1:
            return None
        hour = in_part[0]
    length = timedelta(seconds=(3600, 60, 1)[len(printed) - 1])
    either = part is None and calendar.halved and 1 <= hour <= 12 and not printed[0].startswith("0")
    if either:
        hour %= 12
    return _Clock(timedelta(hours=hour, minutes=minute, seconds=second), length, either)


@dataclass(frozen=True, slots=True)
class _Left:
    """Nothing that matters is left of a text, unless it named UTC."""

    utc: bool


def _hours(printed: int) -> tuple[int, ...]:
    """The hours of a day that a printed one may be, beside the name of a part of the day."""
    return (printed % 12, printed % 12 + 12) if printed <= 12 else (printed,)


def _is_in(part: tuple[int, int], second: int) -> bool:
    begin, end = part
    return begin <= second < end if begin < end else second >= begin or second < end


def _leftover(rest: str, words: _Words, day: datetime | None) -> _Left | None:
    """None where a word is left that nobody knows, or a wrong weekday."""
    utc = False
    if words.weekdays:
        for found in words.weekdays.finditer(rest):
            if day is not None and words.calendar.weekdays[found[0]] != day.weekday():
                return None
        rest = words.weekdays.sub(" ", rest)
    for word in WORD.findall(rest):
        if word in {"utc", "gmt", "z"}:
            utc = True
        elif word.rstrip(".") not in words.calendar.fillers:
            return None
    return _Left(utc) if not _HARMLESS.sub("", WORD.sub("", rest)) else None


@dataclass(frozen=True, slots=True)
class _Words:
    """A calendar, and the expressions that find its names."""

    calendar: Calendar
    months: re.Pattern[str] | None
    weekdays: re.Pattern[str] | None
    clock: re.Pattern[str]


@lru_cache(maxsize=8)
def _words_of(language: str | None) -> _Words:
    calendar = calendar_of(language)
    colon = "[:.]" if calendar.dotted else ":"
    half = _names(calendar.parts)
    halves = f"(?: ?(?P<half>{half})\\.?)?" if half else "(?P<half>(?!))?"
    clock = (
        rf"(?<![\d:.,/-])(?P<h>\d{{1,2}})(?:{colon}(?P<m>\d\d)(?:{colon}(?P<s>\d\d)(?:[.,]\d+)?)?"
        rf"| ?h ?(?P<am>\d\d)(?: ?(?:min|m) ?(?P<as>\d\d) ?s)?){halves}(?![\d:/-]|\w)"
    )
    if half:
        clock = clock.replace(r"| ?h ?", r"|(?= ?(?:" + half + r")\.?(?!\w))| ?h ?")
    return _Words(calendar, _finder(calendar.months), _finder(calendar.weekdays), re.compile(clock))


def _names(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def _finder(names: Iterable[str]) -> re.Pattern[str] | None:
    """Any of the names as a whole word; in scripts without blanks anywhere."""
    whole = sorted((name for name in names if not runs_together(name[-1])), key=len, reverse=True)
    inside = sorted((name for name in names if runs_together(name[-1])), key=len, reverse=True)
    parts = [rf"(?<![\w])(?:{_names(whole)})(?![\w])"] if whole else []
    parts += [f"(?:{_names(inside)})"] if inside else []
    return re.compile("|".join(parts)) if parts else None
