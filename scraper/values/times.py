"""Read the moments that sites print, or hide in their ids.

What carries its zone (ISO 8601, RFC 2822, epochs, ids) is exact. Everything else is a span that holds the moment:
an age ("2h": scraper.values.ages), a date in a language's own form (scraper.values.dates). What is not sure is None.

Without a language only that is read which is the same in all: numbers, "2016年9月27日", and English phrases that
end in "ago".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from scraper.values.ages import read_age
from scraper.values.dates import read_date
from scraper.values.moments import Moment, local_moment, moment_between, zone_of
from scraper.values.numerals import normalised

__all__ = ["FORMS", "Moment", "check_form", "read_moment"]

ID_TIME_SHIFT: Final = 22
"""A snowflake id holds its milliseconds above this bit."""
FIRST_DAY: Final = 86_400_000
"""In milliseconds. Ids from before the clock began were counted, and look as if they came from its first moments."""

FORMS: Final = ("epoch", "epoch_ms", "epoch_us", "id")
"""Forms of a time that have a name. Any other is in the manner of strptime: "%d.%m.%y %H:%M"."""

_PER_SECOND = {"epoch": 1, "epoch_ms": 1000, "epoch_us": 1_000_000}
_EPOCH_BY_LENGTH = {10: "epoch", 13: "epoch_ms", 16: "epoch_us"}
_YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_LONGEST = 100
_ISO = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,]\d+)?)?)?"
    r" ?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?)?)?"
)
_ENGLISH_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "|".join(_ENGLISH_MONTHS)
_ZONE = r"(?:(?P<sign>[+-])(?P<away>\d\d):?(?P<minutes>\d\d)|gmt|utc|ut|z)"
_MAIL = re.compile(
    rf"(?:[a-z]{{3}}, ?)?(?P<d>\d\d?) (?P<b>{_MONTH}) (?P<Y>\d{{4}}) (?P<H>\d\d):(?P<M>\d\d)(?::(?P<S>\d\d))? {_ZONE}"
)
_LOGGED = re.compile(
    rf"[a-z]{{3}} (?P<b>{_MONTH}) (?P<d>\d\d?) (?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d) {_ZONE} (?P<Y>\d{{4}})"
)
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_DIRECTIVES = frozenset("YymdbBHIMSfpzZAa%")


def read_moment(
    text: str,
    *,
    now: datetime | None,
    language: str | None = None,
    zone: str | None = None,
    form: str | None = None,
    id_time_from: int | None = None,
) -> Moment | None:
    """The moment that `text` stands for, as far as it tells; None where it tells none, or more than one.

    `now`, aware, is when the page was loaded: ages count back from it, and a date without a year is its latest one
    (sites leave the year out only for the last twelve months). None where nobody knows, as for a saved page: then
    only what needs no clock is read. `language` is a tag such as "de" or "en-GB": it
    decides what words mean, and whether 03/04 is in March. `zone` is the IANA name of the zone that the site prints
    local times in, None where it is not known: then the span reaches over all zones. `form` says how the time is
    printed where that is not plain: one of FORMS, or a pattern in the manner of strptime. `id_time_from`, in
    milliseconds, is when the clock of snowflake ids began; it says that `text` is one.

    No text raises; a `now` without a zone, an unknown `zone` and a `form` that is none are ValueErrors.
    """
    if now is not None and now.tzinfo is None:
        raise ValueError("now has no time zone: give it one, such as datetime.now(UTC)")
    local = zone_of(zone)
    if form is not None:
        check_form(form)
    plain = text.strip() if len(text) <= _LONGEST else ""
    if not plain:
        return None
    if id_time_from is not None or form == "id":
        return _exact(_time_of_id(plain, id_time_from), text)
    if form in _PER_SECOND:
        return _epoch(plain, _PER_SECOND[form], text)
    if form is not None:
        from scraper.values.formed_times import read_formed  # noqa: PLC0415 - strptime costs a module of its own

        return read_formed(normalised(plain), form, text, now=now, language=language, zone=local)
    return _plain(plain, text, now, language, local)


def _plain(plain: str, text: str, now: datetime | None, language: str | None, zone: tzinfo | None) -> Moment | None:
    if plain.isascii() and plain.isdigit():
        if now is None:
            return None
        found = _epoch(plain, _PER_SECOND.get(_EPOCH_BY_LENGTH.get(len(plain), ""), 0), text)
        return found if found and _YEAR_2000 <= found.earliest <= now + _DAY else None
    if iso := _ISO.fullmatch(plain):
        return _iso(iso, zone, text)
    folded = " ".join(plain.casefold().split())
    if mail := _MAIL.fullmatch(folded) or _LOGGED.fullmatch(folded):
        return _mail(mail, text)
    same = normalised(plain)
    aged = None if now is None else read_age(same, text, now, language, zone)
    return aged or read_date(same, text, now, language, zone)


def check_form(form: str) -> None:
    """Raise ValueError where `form` is no form of a time."""
    if form in FORMS:
        return
    directives = _DIRECTIVE.findall(form)
    unknown = [directive for directive in directives if directive not in _DIRECTIVES]
    if not directives or unknown or form.count("%") != len(directives) + directives.count("%"):
        said = f"%{unknown[0]} is not known" if unknown else "it has no directive such as %d"
        raise ValueError(
            f"{form!r} is no form of a time: {said}. Use one of {', '.join(FORMS)}, or a pattern with "
            f"{' '.join('%' + directive for directive in sorted(_DIRECTIVES - {'%'}))}"
        )


def _exact(moment: datetime | None, text: str) -> Moment | None:
    return None if moment is None else moment_between(moment, moment, text)


def _time_of_id(plain: str, id_time_from: int | None) -> datetime | None:
    if id_time_from is None or not (plain.isascii() and plain.isdigit()) or len(plain) > 19:
        return None
    since = int(plain) >> ID_TIME_SHIFT
    return datetime.fromtimestamp((since + id_time_from) // 1000, UTC) if since >= FIRST_DAY else None


def _epoch(plain: str, per_second: int, text: str) -> Moment | None:
    whole, _, fraction = plain.partition(".")
    if not per_second or (fraction and per_second > 1):
        return None
    if not (whole.isascii() and whole.isdigit()) or len(whole) > 17:
        return None
    try:
        return _exact(datetime.fromtimestamp(int(whole) // per_second, UTC), text)
    except (OverflowError, OSError, ValueError):
        return None


def _iso(found: re.Match[str], zone: tzinfo | None, text: str) -> Moment | None:
    year, month, day, hour, minute, second, utc, sign, away, minutes = found.groups()
    try:
        start = datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001
        if day is None:
            length = (start + timedelta(days=32)).replace(day=1) - start
        else:
            length = timedelta(seconds=1 if second else 60 if minute else 3600 if hour else 86_400)
        own = UTC if utc else _offset(sign, away, minutes) if sign else zone
    except (ValueError, OverflowError):
        return None
    return local_moment(start, length, own, text)


def _mail(found: re.Match[str], text: str) -> Moment | None:
    part = found.groupdict()
    month = _ENGLISH_MONTHS.index(part["b"]) + 1
    try:
        start = datetime(int(part["Y"]), month, int(part["d"]), int(part["H"]), int(part["M"]), int(part["S"] or 0))  # noqa: DTZ001
        own = _offset(part["sign"], part["away"], part["minutes"]) if part["sign"] else UTC
    except ValueError:
        return None
    return local_moment(start, timedelta(seconds=1 if part["S"] else 60), own, text)


def _offset(sign: str, hours: str, minutes: str | None) -> timezone:
    away = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-away if sign == "-" else away)
