# ruff: noqa: RUF001 - the signs of other languages are what is tested
"""What CLDR prints for dates and ages in the languages of the world is read back, or None, and never wrong."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache
from subprocess import run

import pytest
from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from scraper.values.times import FORMS, Moment, read_moment

LANGUAGES = (
    "en", "en-US", "en-GB", "en-IN", "en-CA", "en-ZA", "de", "de-CH", "de-AT", "es", "es-MX", "es-PA", "fr", "fr-CH",
    "fr-CA", "pt", "pt-PT", "it", "nl", "pl", "ru", "uk", "tr", "sv", "da", "fi", "cs", "hr", "ro", "hu", "lt", "el",
    "ja", "zh", "zh-TW", "ko", "ar", "ar-EG", "fa", "he", "hi", "bn", "id", "vi", "th", "bg", "sw", "eu",
)  # fmt: skip
MUST_BE_READ = ("en-US", "en-GB", "de", "es", "es-MX", "fr", "pt", "ja", "zh", "zh-TW", "ko")
AGES_MUST_BE_READ = (*MUST_BE_READ, "en", "ar", "fr-CA", "pt-PT")
LENGTHS = ("short", "medium", "long", "full")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "Asia/Kathmandu")

NOW = datetime(2026, 11, 26, 10, 30, 15, tzinfo=UTC)
past = st.datetimes(datetime(1990, 1, 1), datetime(2026, 11, 26, 10, 30)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
languages = st.sampled_from(LANGUAGES)


@cache
def locale_of(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def holds(moment: Moment | None, truth: datetime) -> bool:
    return moment is None or moment.earliest <= truth <= moment.latest


def day_holds(moment: Moment | None, day: date) -> bool:
    """Whether the whole of this day, in UTC, is in the span."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return moment is None or (moment.earliest <= start and start + timedelta(days=1, seconds=-1) <= moment.latest)


many = settings(max_examples=200)
"""Many languages, each in many forms: the house's number of examples would leave most of them out."""


@many
@given(past, languages, st.sampled_from(LENGTHS), st.sampled_from(ZONES), st.booleans())
def test_a_date_and_time_of_a_language_holds_the_moment_or_is_unknown(
    truth: datetime,
    language: str,
    length: str,
    zone: str,
    known: bool,  # noqa: FBT001
) -> None:
    from babel.dates import get_timezone  # noqa: PLC0415

    printed = format_datetime(truth, length, tzinfo=get_timezone(zone), locale=locale_of(language))
    said = zone if known else None
    moment = read_moment(printed, now=NOW, language=language, zone=said)
    assert holds(moment, truth)
    assert holds(read_moment(printed, now=NOW, zone=said), truth)
    if language in MUST_BE_READ and length == "medium":
        assert moment
        assert known == (moment.latest - moment.earliest < timedelta(hours=2))


@many
@given(past, languages, st.sampled_from(LENGTHS))
def test_a_date_of_a_language_holds_the_whole_day_or_is_unknown(truth: datetime, language: str, length: str) -> None:
    day = truth.date()
    printed = format_date(day, length, locale=locale_of(language))
    for zone in (None, "UTC"):
        moment = read_moment(printed, now=NOW, language=language, zone=zone)
        assert day_holds(moment, day)
        assert day_holds(read_moment(printed, now=NOW, zone=zone), day)
        if language in MUST_BE_READ and length in ("medium", "long"):
            assert moment
            assert moment.latest - moment.earliest == timedelta(days=1, hours=0 if zone else 26, seconds=-1)


@many
@given(past, languages, st.sampled_from(["yMMMd", "yMMMM", "yMMM", "yMd", "MMMd", "MMMMd", "yMMMEd", "MMMEd"]))
def test_a_date_with_parts_left_out_holds_the_day_or_is_unknown(
    truth: datetime, language: str, skeleton: str
) -> None:
    day = truth.date()
    if "y" not in skeleton and day <= NOW.date() - timedelta(days=360):
        reject()
    locale = locale_of(language)
    if skeleton not in locale.datetime_skeletons:
        reject()
    printed = format_skeleton(skeleton, truth, locale=locale)
    moment = read_moment(printed, now=NOW, language=language, zone="UTC")
    assert day_holds(moment, day)
    if language in MUST_BE_READ and skeleton in ("yMMMd", "yMMMM", "MMMd"):
        assert moment


@many
@given(
    st.one_of(st.integers(1, 200), st.integers(1, 10**6), st.integers(1, 5 * 10**8)),
    languages,
    st.sampled_from(["long", "short", "narrow"]),
)
def test_an_age_holds_the_moment_or_is_unknown(seconds: int, language: str, form: str) -> None:
    age = timedelta(seconds=-seconds)
    try:
        printed = format_timedelta(age, add_direction=True, locale=locale_of(language), format=form)  # type: ignore[arg-type]
        ahead = format_timedelta(-age, add_direction=True, locale=locale_of(language), format=form)  # type: ignore[arg-type]
    except KeyError:
        reject()  # Babel lacks the words of some languages.
    moment = read_moment(printed, now=NOW, language=language)
    assert holds(moment, NOW + age)
    assert holds(read_moment(printed, now=NOW), NOW + age)
    if language in AGES_MUST_BE_READ and form == "long":
        assert moment
        assert moment.latest <= NOW
    assert read_moment(ahead, now=NOW, language=language) is None


@many
@given(st.integers(0, 10**9), st.sampled_from(["cut", "rounded"]))
def test_an_age_holds_the_moment_whether_the_site_cuts_or_rounds(seconds: int, how: str) -> None:
    sizes = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 30 * 86_400, "y": 365 * 86_400}
    for short, size in sizes.items():
        number = seconds // size if how == "cut" else round(seconds / size)
        # Sites turn to the next unit well before this: a "month" of 30 days drifts from the real ones.
        if number < 12:
            moment = read_moment(f"{number}{short}", now=NOW, language="en")
            assert moment
            assert holds(moment, NOW - timedelta(seconds=seconds))
            assert moment.latest <= NOW


@pytest.mark.parametrize(
    ("text", "language", "earliest", "latest"),
    (
        ("2h", "en", "11-26T07:30:15", "11-26T09:00:15"),
        ("2 h", "de", "11-26T07:30:15", "11-26T09:00:15"),
        ("2m", "en", "11-26T10:27:15", "11-26T10:28:45"),
        ("vor 2 Std.", "de", "11-26T07:30:15", "11-26T09:00:15"),
        ("hace 2 días", "es", "11-23T10:30:15", "11-24T22:30:15"),
        ("il y a 5 minutes", "fr", "11-26T10:24:15", "11-26T10:25:45"),
        ("há 3 horas", "pt", "11-26T06:30:15", "11-26T08:00:15"),
        ("3 horas atrás", "pt", "11-26T06:30:15", "11-26T08:00:15"),
        ("3時間前", "ja", "11-26T06:30:15", "11-26T08:00:15"),
        ("3時間", "ja", "11-26T06:30:15", "11-26T08:00:15"),
        ("3小时前", "zh", "11-26T06:30:15", "11-26T08:00:15"),
        ("3小時前", "zh-TW", "11-26T06:30:15", "11-26T08:00:15"),
        ("3시간 전", "ko", "11-26T06:30:15", "11-26T08:00:15"),
        ("منذ 3 ساعات", "ar", "11-26T06:30:15", "11-26T08:00:15"),
        ("منذ ٣ ساعات", "ar", "11-26T06:30:15", "11-26T08:00:15"),
        ("3 часа назад", "ru", "11-26T06:30:15", "11-26T08:00:15"),
        ("3 hours ago", None, "11-26T06:30:15", "11-26T08:00:15"),
        ("an hour ago", "en", "11-26T08:30:15", "11-26T10:00:15"),
        ("vor einer Stunde", "de", "11-26T08:30:15", "11-26T10:00:15"),
        ("yesterday", "en", "11-24T10:30:15", "11-26T10:30:15"),
        ("just now", "en", "11-26T10:28:15", "11-26T10:30:15"),
    ),
)
def test_an_age_is_all_that_it_can_stand_for(text: str, language: str | None, earliest: str, latest: str) -> None:
    moment = read_moment(text, now=NOW, language=language)
    assert moment
    assert (moment.earliest.isoformat()[5:19], moment.latest.isoformat()[5:19]) == (earliest, latest)


@pytest.mark.parametrize(
    ("text", "language", "earliest", "latest"),
    (
        ("2026-01-02T03:04:05Z", None, "2026-01-02T03:04:05", "2026-01-02T03:04:05"),
        ("2026-01-02T03:04:05.678+01:00", None, "2026-01-02T02:04:05", "2026-01-02T02:04:05"),
        ("2026-01-02T03:04Z", None, "2026-01-02T03:04:00", "2026-01-02T03:04:59"),
        ("2026-01-02 03:04:05", None, "2026-01-02T03:04:05", "2026-01-02T03:04:05"),
        ("2026-01-02", None, "2026-01-02T00:00:00", "2026-01-02T23:59:59"),
        ("2026-01", None, "2026-01-01T00:00:00", "2026-01-31T23:59:59"),
        ("Tue, 27 Sep 2016 10:00:00 +0200", None, "2016-09-27T08:00:00", "2016-09-27T08:00:00"),
        ("27 Sep 2016 10:00 GMT", None, "2016-09-27T10:00:00", "2016-09-27T10:00:59"),
        ("Tue Sep 27 10:00:00 +0000 2016", None, "2016-09-27T10:00:00", "2016-09-27T10:00:00"),
        ("1475000000", None, "2016-09-27T18:13:20", "2016-09-27T18:13:20"),
        ("1475000000123", None, "2016-09-27T18:13:20", "2016-09-27T18:13:20"),
        ("1475000000123456", None, "2016-09-27T18:13:20", "2016-09-27T18:13:20"),
        ("Sep 27, 2016", "en", "2016-09-27T00:00:00", "2016-09-27T23:59:59"),
        ("27. September 2016", "de", "2016-09-27T00:00:00", "2016-09-27T23:59:59"),
        ("27. Sept.", "de", "2026-09-27T00:00:00", "2026-09-27T23:59:59"),
        ("2016年9月27日", None, "2016-09-27T00:00:00", "2016-09-27T23:59:59"),
        ("9月27日", "ja", "2026-09-27T00:00:00", "2026-09-27T23:59:59"),
        ("12月27日", "zh", "2025-12-27T00:00:00", "2025-12-27T23:59:59"),
        ("September 2016", "en", "2016-09-01T00:00:00", "2016-09-30T23:59:59"),
        ("03/04/2020", "en-US", "2020-03-04T00:00:00", "2020-03-04T23:59:59"),
        ("03/04/2020", "en-GB", "2020-04-03T00:00:00", "2020-04-03T23:59:59"),
        ("03/04/2020", "fr", "2020-04-03T00:00:00", "2020-04-03T23:59:59"),
        ("04/04/2020", "en", "2020-04-04T00:00:00", "2020-04-04T23:59:59"),
        ("4/13/2020", None, "2020-04-13T00:00:00", "2020-04-13T23:59:59"),
        ("2:03 PM · Sep 27, 2016", "en", "2016-09-27T14:03:00", "2016-09-27T14:03:59"),
        ("12:03 a.m. Sep 27, 2016", "en", "2016-09-27T00:03:00", "2016-09-27T00:03:59"),
        ("Sep 27, 2016 2:03", "en-US", "2016-09-27T02:03:00", "2016-09-27T14:03:59"),
        ("gestern um 14:03 Uhr", "de", "2026-11-25T14:03:00", "2026-11-25T14:03:59"),
        ("2000年1月1日 晚上8:05", "zh-TW", "2000-01-01T20:05:00", "2000-01-01T20:05:59"),
        ("2026년 3월 4일 오후 3:06", "ko", "2026-03-04T15:06:00", "2026-03-04T15:06:59"),
    ),
)
def test_a_printed_moment_is_as_wide_as_what_is_printed(
    text: str, language: str | None, earliest: str, latest: str
) -> None:
    moment = read_moment(text, now=NOW, language=language, zone="UTC")
    assert moment
    assert (moment.earliest.isoformat()[:19], moment.latest.isoformat()[:19]) == (earliest, latest)
    assert (moment.exact is None) == (earliest != latest)


@pytest.mark.parametrize(
    ("text", "language"),
    (
        ("2000年1月1日 中午11:30", "zh-TW"), ("", "en"), ("soon", "en"), ("12", "en"), ("2016", "en"),
        ("14:03", "en"), ("03/04/2020", "en"), ("03/04/2020", None), ("03.04.20", "de"), ("27 Sep 16", "en"),
        ("26. 3. 4.", "ko"),
        ("in 3 hours", "en"), ("in 3 Stunden", "de"), ("2h", None), ("3日", "ja"), ("Sep 27 – Oct 3", "en"),
        ("until Sep 27, 2016", "en"), ("Wed, Sep 27, 2016", "en"), ("31 Feb 2016", "en"), ("27 Sep 2569", "th"),
        ("27 شهریور 1395", "fa"), ("令和8年3月4日", "ja"), ("5551234567", None), ("9999999999", None),
        ("2026-13-01", None), ("2026-01-02T25:00:00Z", None), ("27-28 Sep 2016", "en"), ("1.2.3", "de"),
        ("Sep 27, 2016 14:03 and 15:03", "en"), ("Feb 29", "en"),
    ),
)  # fmt: skip
def test_what_is_no_moment_or_may_be_two_is_none(text: str, language: str | None) -> None:
    assert read_moment(text, now=NOW, language=language) is None


@pytest.mark.parametrize(
    ("text", "form", "language", "earliest", "latest"),
    (
        ("1475000000", "epoch", None, "2016-09-27T18:13:20", "2016-09-27T18:13:20"),
        ("1475000000.5", "epoch", None, "2016-09-27T18:13:20", "2016-09-27T18:13:20"),
        ("947000000000", "epoch_ms", None, "2000-01-04T15:33:20", "2000-01-04T15:33:20"),
        ("27.09.16", "%d.%m.%y", None, "2016-09-27T00:00:00", "2016-09-27T23:59:59"),
        ("09/27/16 2:03 PM", "%m/%d/%y %I:%M %p", None, "2016-09-27T14:03:00", "2016-09-27T14:03:59"),
        ("27. Sept. 16", "%d. %b %y", "de", "2016-09-27T00:00:00", "2016-09-27T23:59:59"),
        ("27 Sep 2016 14:03 +0200", "%d %b %Y %H:%M %z", None, "2016-09-27T12:03:00", "2016-09-27T12:03:59"),
        ("27 Sep 2016 14:03 UTC", "%d %b %Y %H:%M %Z", None, "2016-09-27T14:03:00", "2016-09-27T14:03:59"),
        ("27.09. 14:03", "%d.%m. %H:%M", None, "2026-09-27T14:03:00", "2026-09-27T14:03:59"),
        ("27.12. 14:03", "%d.%m. %H:%M", None, "2025-12-27T14:03:00", "2025-12-27T14:03:59"),
        ("9/2016", "%m/%Y", None, "2016-09-01T00:00:00", "2016-09-30T23:59:59"),
        ("2016", "%Y", None, "2016-01-01T00:00:00", "2016-12-31T23:59:59"),
    ),
)
def test_a_site_may_say_how_it_prints_its_times(
    text: str, form: str, language: str | None, earliest: str, latest: str
) -> None:
    moment = read_moment(text, now=NOW, form=form, language=language, zone="UTC")
    assert moment
    assert (moment.earliest.isoformat()[:19], moment.latest.isoformat()[:19]) == (earliest, latest)
    assert read_moment("nothing of the kind", now=NOW, form=form) is None


def test_without_a_clock_only_what_needs_none_is_read() -> None:
    for text in ("2026-01-02T03:04:05Z", "Sep 27, 2016", "27 Sep 2016 10:00 GMT"):
        assert read_moment(text, now=None, language="en") == read_moment(text, now=NOW, language="en")
    for text in ("3 hours ago", "2h", "yesterday", "yesterday at 14:03", "Sep 27", "1475000000", "just now"):
        assert read_moment(text, now=None, language="en") is None
    assert read_moment("1475000000", now=None, form="epoch")
    assert read_moment("27.09.", now=None, form="%d.%m.") is None


def test_an_id_holds_its_moment() -> None:
    began = 1288834974657
    moment = read_moment("1222907250383245320", now=NOW, id_time_from=began)
    assert moment
    assert moment.exact == datetime(2020, 1, 30, 15, 39, 43, tzinfo=UTC)
    assert moment == read_moment("1222907250383245320", now=NOW, id_time_from=began, form="id")
    assert read_moment("20", now=NOW, id_time_from=began) is None


def test_an_hour_that_the_clocks_repeat_is_both_of_them() -> None:
    moment = read_moment("2026-10-25 02:30", now=NOW, zone="Europe/Berlin")
    assert moment
    assert (moment.earliest.hour, moment.latest.hour) == (0, 1)


@pytest.mark.parametrize(
    ("now", "zone", "form", "said"),
    (
        (datetime(2026, 1, 1), None, None, "time zone"),  # noqa: DTZ001
        (NOW, "Europe/Atlantis", None, "Europe/Atlantis"),
        (NOW, "../../etc/passwd", None, "no time zone"),
        (NOW, None, "%Q", "%Q"),
        (NOW, None, "epoch_ns", "epoch_us"),
        (NOW, None, "%d.%m.%", "no form"),
    ),
)
def test_a_definition_that_makes_no_sense_is_an_error_that_says_so(
    now: datetime, zone: str | None, form: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        read_moment("2026-01-01", now=now, zone=zone, form=form)


ABOUT_TIMES = st.text(
    st.one_of(st.sampled_from("0123456789:/.-, TZ+agohdmsSepNov年月日時前전시간"), st.characters(codec="utf-8")),
    max_size=40,
)


@many
@given(
    st.one_of(st.text(max_size=60), ABOUT_TIMES),
    st.sampled_from([None, "", "xx", "de-XX", *LANGUAGES]),
    st.sampled_from([None, "UTC", "Asia/Tokyo"]),
    st.sampled_from([None, *FORMS, "%d.%m.%y %H:%M", "%b %d", "%a %p %Z %y"]),
)
def test_no_text_raises_and_every_span_is_in_order(
    text: str, language: str | None, zone: str | None, form: str | None
) -> None:
    read_moment(text, now=None, language=language, zone=zone, form=form)
    moment = read_moment(text, now=NOW, language=language, zone=zone, form=form)
    if moment:
        assert moment.earliest <= moment.latest
        assert (moment.earliest.tzinfo, moment.latest.tzinfo, moment.text) == (UTC, UTC, text)
        assert any(character.isdecimal() for character in text) or len(text) > 1


@pytest.mark.processes
def test_the_common_forms_load_no_library_of_languages() -> None:
    program = """
import sys
from datetime import UTC, datetime
from scraper.values.times import read_moment
now = datetime(2026, 11, 26, tzinfo=UTC)
for text in ("2026-01-02T03:04:05Z", "3 hours ago", "2h", "Sep 27, 2016", "1475000000", "yesterday"):
    assert read_moment(text, now=now, language="en"), text
assert not [name for name in sys.modules if name.split(".")[0] in ("babel", "dateparser")]
"""
    run([sys.executable, "-c", program], check=True)  # noqa: S603
