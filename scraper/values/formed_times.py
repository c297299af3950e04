"""Read a time by a pattern in the manner of strptime, for sites whose form says more than their text: "%d.%m.%y"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from scraper.values.calendars import PM, Calendar, calendar_of
from scraper.values.moments import Moment, local_moment
from scraper.values.numerals import normalised, runs_together

_DAY = timedelta(days=1)
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def read_formed(
    plain: str, form: str, text: str, *, now: datetime | None, language: str | None, zone: tzinfo | None
) -> Moment | None:
    """The moment that `plain` tells when it has this form; its span is the smallest part that the form prints."""
    printed = set(re.findall(r"%(.)", form))
    wanted = _full_names(normalised(form))
    said = _in_english(plain, printed, calendar_of(language if printed & set("bBaAp") else None))
    if not printed & set("Yy"):
        # Without a year strptime takes 1900, which has no 29th of February.
        return None if now is None else _latest(said, wanted, printed, text, now=now, zone=zone)
    return _parsed(said, wanted, printed, text, zone)


def _full_names(form: str) -> str:
    return form.replace("%b", "%B").replace("%a", "%A").replace("%Z", "%z")


def _in_english(plain: str, printed: set[str], calendar: Calendar) -> str:
    """`plain` with the names that strptime knows: English, in full, and an offset for a zone."""
    said = plain
    if printed & set("bB"):
        said = _renamed(said, dict(calendar.months), _ENGLISH_MONTHS, first=1)
    if printed & set("aA"):
        said = _renamed(said, dict(calendar.weekdays), _ENGLISH_DAYS, first=0)
    if "p" in printed:
        for name in sorted(calendar.parts.keys() - {"am", "pm"}, key=len, reverse=True):
            half = "PM" if calendar.parts[name][0] >= PM[0] else "AM"
            said = re.sub(rf"{_start(name)}{re.escape(name)}\.?", half, said, flags=re.IGNORECASE)
    if "Z" in printed:
        said = re.sub(r"(?<![A-Za-z])(?:UTC|GMT)(?![A-Za-z+-])", "+0000", said, flags=re.IGNORECASE)
    return said


def _renamed(said: str, own: dict[str, int], english: tuple[str, ...], *, first: int) -> str:
    numbers = own or {
        name: number for number, full in enumerate(english, first) for name in (full.casefold(), full[:3].casefold())
    }
    names = "|".join(re.escape(name) for name in sorted(numbers, key=len, reverse=True))
    found = re.search(rf"(?<!\w)(?:{names})(?!\w)\.?", said, flags=re.IGNORECASE)
    if not found or found[0].casefold().rstrip(".") not in numbers:
        return said
    return said[: found.start()] + english[numbers[found[0].casefold().rstrip(".")] - first] + said[found.end() :]


def _start(name: str) -> str:
    return "" if runs_together(name[0]) else r"(?<!\w)"


def _latest(
    said: str, wanted: str, printed: set[str], text: str, *, now: datetime, zone: tzinfo | None
) -> Moment | None:
    """The latest moment of this form that is not after tomorrow; at most a year old."""
    if not printed & {"d"}:
        return None
    today = now.astimezone(UTC).replace(tzinfo=None)
    for year in (today.year + 1, today.year, today.year - 1):
        found = _parsed(f"{year} {said}", f"%Y {wanted}", printed, text, zone)
        if found and found.earliest.replace(tzinfo=None) <= today + _DAY:
            return found if today - found.latest.replace(tzinfo=None) < timedelta(days=367) else None
    return None


def _parsed(said: str, wanted: str, printed: set[str], text: str, zone: tzinfo | None) -> Moment | None:
    try:
        moment = datetime.strptime(said, wanted)  # noqa: DTZ007 - its zone is in the form, or the site's
    except (ValueError, re.error, OverflowError):
        return None
    own = moment.tzinfo or zone
    start = moment.replace(tzinfo=None, microsecond=0)
    return local_moment(start, _length(start, printed), own, text)


def _length(start: datetime, printed: set[str]) -> timedelta:
    """Of the smallest part that is printed."""
    if "S" in printed:
        return timedelta(seconds=1)
    if "M" in printed:
        return timedelta(minutes=1)
    if printed & set("HI"):
        return timedelta(hours=1 if "H" in printed or "p" in printed else 12)
    if "d" in printed:
        return _DAY
    if printed & set("mbB"):
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1) - start
    return start.replace(year=start.year + 1) - start if start.year < 9999 else _DAY
